/* What every C compiler asks a firmware for, short instead of fast. Without it the library's own is linked, which takes 3 kB.
 * A source byte is read as one that may change, so that the compiler does not call these functions out of themselves. */
#include <stddef.h>

void *memmove(void *to, const void *from, size_t length);
void *memcpy(void *to, const void *from, size_t length);
void *memset(void *to, int value, size_t length);

void *memmove(void *to, const void *from, size_t length) {
    unsigned char *out = to;
    const volatile unsigned char *in = from;
    if (to <= (void *)from) {
        for (size_t i = 0; i < length; i++) out[i] = in[i];
    } else {
        while (length-- > 0) out[length] = in[length];
    }
    return to;
}

void *memcpy(void *to, const void *from, size_t length) { return memmove(to, from, length); }

void *memset(void *to, int value, size_t length) {
    volatile unsigned char *out = to;
    while (length-- > 0) out[length] = (unsigned char)value;
    return to;
}

#ifdef __ARM_EABI__
/* The names of ARM's calling convention. */
#define COPY(name) \
    void name(void *to, const void *from, size_t length); \
    void name(void *to, const void *from, size_t length) { memmove(to, from, length); }
#define SET(name) \
    void name(void *to, size_t length, int value); \
    void name(void *to, size_t length, int value) { memset(to, value, length); }
#define CLEAR(name) \
    void name(void *to, size_t length); \
    void name(void *to, size_t length) { memset(to, 0, length); }
COPY(__aeabi_memcpy)
COPY(__aeabi_memcpy4)
COPY(__aeabi_memcpy8)
COPY(__aeabi_memmove)
COPY(__aeabi_memmove4)
COPY(__aeabi_memmove8)
SET(__aeabi_memset)
SET(__aeabi_memset4)
SET(__aeabi_memset8)
CLEAR(__aeabi_memclr)
CLEAR(__aeabi_memclr4)
CLEAR(__aeabi_memclr8)
#endif
