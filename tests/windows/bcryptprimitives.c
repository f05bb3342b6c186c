/* The one function of this library of Windows that programs in Rust need, for versions of Wine that do not have the library. */
#include <windows.h>

/* RtlGenRandom, by the name that advapi32 exports it under. */
BOOLEAN WINAPI SystemFunction036(PVOID to, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE to, SIZE_T length)
{
    while (length > 0) {
        ULONG part = length < 4096 ? (ULONG)length : 4096;
        if (!SystemFunction036(to, part))
            return FALSE;
        to += part;
        length -= part;
    }
    return TRUE;
}
