/* A PC/SC library that does what its environment says: for tests of a client of PC/SC, without a service and without a driver.
 *
 *   FAKE_NAMES      the readers' names, in any bytes, with '|' between them; empty: no reader
 *   FAKE_GONE       one of these names, whose reader is gone when it is asked for
 *   FAKE_PORT       where a card listens on 127.0.0.1, which speaks as to a virtual reader (vpcd): it is in each reader
 *   FAKE_PROTO      the protocol of the card: 1 for T=0, 2 for T=1 (the default)
 *   FAKE_STRICT_T0  take TPDUs of T=0 only (ISO/IEC 7816-3: a header of five bytes, or that and P3 bytes of data), and answer
 *                   others with this status word, such as 6700; "error": with an error of PC/SC
 *   FAKE_LOG        a file: what is called, line by line
 *   FAKE_<CALL>     error codes in hexadecimal, with ',' between them: one for each call, 0 for none, and none after the last.
 *                   ESTABLISH, LISTLEN (length of the list), LIST (the list), CONNECT, RECONNECT, DISCONNECT, BEGIN, END, STATUS,
 *                   TRANSMIT, CHANGE
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <PCSC/winscard.h>

enum { NAMES = 8192, MESSAGE = 65536 };

const SCARD_IO_REQUEST g_rgSCardT0Pci = { SCARD_PROTOCOL_T0, sizeof(SCARD_IO_REQUEST) };
const SCARD_IO_REQUEST g_rgSCardT1Pci = { SCARD_PROTOCOL_T1, sizeof(SCARD_IO_REQUEST) };
const SCARD_IO_REQUEST g_rgSCardRawPci = { SCARD_PROTOCOL_RAW, sizeof(SCARD_IO_REQUEST) };

static void note(const char *format, ...)
{
    const char *path = getenv("FAKE_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;
    va_list arguments;
    if (!file)
        return;
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    fputc('\n', file);
    fclose(file);
}

/* What the script says to the next call of this name. */
static LONG scripted(const char *call)
{
    static struct { char name[16]; int calls; } seen[16];
    char variable[32];
    const char *script;
    LONG code = 0;
    int i = 0, before;
    while (i < 15 && seen[i].name[0] && strcmp(seen[i].name, call))
        i++;
    snprintf(seen[i].name, sizeof seen[i].name, "%s", call);
    before = seen[i].calls++;
    snprintf(variable, sizeof variable, "FAKE_%s", call);
    for (script = getenv(variable); script && before > 0; before--)
        if ((script = strchr(script, ',')))
            script++;
    if (script)
        code = (LONG)strtoul(script, NULL, 16);
    note("%s %08lX", call, (unsigned long)code);
    return code;
}

/* The names as PC/SC lists them: each ends with a zero, and so does the list. */
static DWORD names(char *list)
{
    const char *from = getenv("FAKE_NAMES");
    DWORD length = 0;
    if (!from)
        from = "Scripted Reader 00 00";
    if (!*from)
        return 0;
    for (; *from && length < NAMES - 2; from++)
        list[length++] = *from == '|' ? 0 : *from;
    list[length++] = 0;
    list[length++] = 0;
    return length;
}

static int is_attached(const char *name)
{
    const char *gone = getenv("FAKE_GONE");
    char list[NAMES];
    DWORD length = names(list), i;
    if (gone && !strcmp(gone, name))
        return 0;
    for (i = 0; i < length && list[i]; i += strlen(list + i) + 1)
        if (!strcmp(list + i, name))
            return 1;
    return 0;
}

static DWORD protocol(void)
{
    const char *number = getenv("FAKE_PROTO");
    return number ? strtoul(number, NULL, 0) : SCARD_PROTOCOL_T1;
}

/* The card: a connection over which messages go both ways, each with its length in two bytes before it. */
static int card = -1;
static unsigned char atr[64];
static DWORD atr_length;

static int receive(unsigned char *to, int length)
{
    int got = 0, count;
    while (got < length) {
        count = read(card, to + got, length - got);
        if (count <= 0)
            return -1;
        got += count;
    }
    return 0;
}

static int receive_message(unsigned char *to, int room)
{
    unsigned char head[2];
    int length;
    if (receive(head, 2))
        return -1;
    length = head[0] << 8 | head[1];
    return length <= room && !receive(to, length) ? length : -1;
}

static int send_message(const unsigned char *message, int length)
{
    unsigned char frame[MESSAGE + 2] = { length >> 8, length };
    memcpy(frame + 2, message, length);
    return write(card, frame, length + 2) == length + 2 ? 0 : -1;
}

static int control(unsigned char code)
{
    return send_message(&code, 1);
}

static int power(void)
{
    const char *port = getenv("FAKE_PORT");
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int length;
    if (card >= 0)
        return 0;
    if (!port)
        return -1;
    address.sin_port = htons(atoi(port));
    card = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(card, (void *)&address, sizeof address) || control(1) || control(4))
        return -1;
    length = receive_message(atr, sizeof atr);
    atr_length = length < 0 ? 0 : length;
    return length < 0;
}

LONG SCardEstablishContext(DWORD scope, LPCVOID a, LPCVOID b, LPSCARDCONTEXT context)
{
    *context = 7;
    return scripted("ESTABLISH");
}

LONG SCardReleaseContext(SCARDCONTEXT context) { return SCARD_S_SUCCESS; }
LONG SCardIsValidContext(SCARDCONTEXT context) { return SCARD_S_SUCCESS; }
LONG SCardCancel(SCARDCONTEXT context) { return SCARD_S_SUCCESS; }
LONG SCardFreeMemory(SCARDCONTEXT context, LPCVOID memory) { return SCARD_S_SUCCESS; }
LONG SCardListReaderGroups(SCARDCONTEXT context, LPSTR groups, LPDWORD length) { return SCARD_F_INTERNAL_ERROR; }
LONG SCardGetAttrib(SCARDHANDLE handle, DWORD id, LPBYTE to, LPDWORD length) { return SCARD_E_INVALID_PARAMETER; }
LONG SCardSetAttrib(SCARDHANDLE handle, DWORD id, LPCBYTE from, DWORD length) { return SCARD_E_INVALID_PARAMETER; }

LONG SCardControl(SCARDHANDLE handle, DWORD code, LPCVOID from, DWORD length, LPVOID to, DWORD room, LPDWORD got)
{
    return SCARD_E_UNSUPPORTED_FEATURE;
}

LONG SCardListReaders(SCARDCONTEXT context, LPCSTR groups, LPSTR to, LPDWORD room)
{
    char list[NAMES];
    DWORD length = names(list);
    LONG code = scripted(to ? "LIST" : "LISTLEN");
    if (code)
        return code;
    if (!length)
        return SCARD_E_NO_READERS_AVAILABLE;
    if (to && *room < length)
        code = SCARD_E_INSUFFICIENT_BUFFER;
    else if (to)
        memcpy(to, list, length);
    *room = length;
    return code;
}

LONG SCardConnect(SCARDCONTEXT context, LPCSTR name, DWORD share, DWORD wanted, LPSCARDHANDLE handle, LPDWORD active)
{
    LONG code = scripted("CONNECT");
    if (code)
        return code;
    if (!is_attached(name))
        return SCARD_E_UNKNOWN_READER;
    if (power())
        return SCARD_E_NO_SMARTCARD;
    *handle = 9;
    *active = protocol();
    return SCARD_S_SUCCESS;
}

LONG SCardReconnect(SCARDHANDLE handle, DWORD share, DWORD wanted, DWORD disposition, LPDWORD active)
{
    LONG code = scripted("RECONNECT");
    *active = protocol();
    if (!code && disposition != SCARD_LEAVE_CARD)
        control(2);
    return code;
}

LONG SCardDisconnect(SCARDHANDLE handle, DWORD disposition) { return scripted("DISCONNECT"); }
LONG SCardBeginTransaction(SCARDHANDLE handle) { return scripted("BEGIN"); }

LONG SCardEndTransaction(SCARDHANDLE handle, DWORD disposition)
{
    if (disposition == SCARD_RESET_CARD && card >= 0)
        control(2);
    return scripted("END");
}

LONG SCardStatus(SCARDHANDLE handle, LPSTR name, LPDWORD room, LPDWORD state, LPDWORD active, LPBYTE to, LPDWORD length)
{
    char list[NAMES] = "";
    DWORD wanted;
    LONG code = scripted("STATUS");
    if (code)
        return code;
    names(list);
    wanted = strlen(list) + 2;
    if (room) {
        if (name && *room < wanted)
            code = SCARD_E_INSUFFICIENT_BUFFER;
        else if (name)
            memcpy(name, list, wanted - 1), name[wanted - 1] = 0;
        *room = wanted;
    }
    if (state)
        *state = SCARD_PRESENT | SCARD_POWERED | SCARD_NEGOTIABLE;
    if (active)
        *active = protocol();
    if (length) {
        if (to && *length < atr_length)
            code = SCARD_E_INSUFFICIENT_BUFFER;
        else if (to)
            memcpy(to, atr, atr_length);
        *length = atr_length;
    }
    return code;
}

LONG SCardTransmit(SCARDHANDLE handle, const SCARD_IO_REQUEST *sending, LPCBYTE command, DWORD length,
                   SCARD_IO_REQUEST *receiving, LPBYTE to, LPDWORD room)
{
    const char *strict = getenv("FAKE_STRICT_T0");
    unsigned char answer[MESSAGE];
    char line[2 * 16 + 1] = "";
    DWORD i;
    int got;
    LONG code = scripted("TRANSMIT");
    if (code)
        return code;
    for (i = 0; i < length && i < 16; i++)
        sprintf(line + 2 * i, "%02X", command[i]);
    note("command %s of %lu bytes", line, (unsigned long)length);
    if (strict && length != 5 && !(length > 5 && length == 5u + command[4])) {
        unsigned long status = strtoul(strict, NULL, 16);
        note("no TPDU of T=0");
        if (!strcmp(strict, "error"))
            return SCARD_E_NOT_TRANSACTED;
        to[0] = status >> 8;
        to[1] = status;
        *room = 2;
        return SCARD_S_SUCCESS;
    }
    got = send_message(command, length) ? -1 : receive_message(answer, sizeof answer);
    if (got < 2)
        return SCARD_E_NOT_TRANSACTED;
    note("answer of %d bytes, %02X%02X", got, answer[got - 2], answer[got - 1]);
    if ((DWORD)got > *room)
        code = SCARD_E_INSUFFICIENT_BUFFER;
    else
        memcpy(to, answer, got);
    *room = got;
    return code;
}

LONG SCardGetStatusChange(SCARDCONTEXT context, DWORD timeout, SCARD_READERSTATE *states, DWORD count)
{
    DWORD i;
    LONG code = scripted("CHANGE");
    for (i = 0; i < count && !code; i++) {
        if (!strncmp(states[i].szReader, "\\\\?PnP?\\", 8)) {
            states[i].dwEventState = 0;
        } else if (!is_attached(states[i].szReader)) {
            states[i].dwEventState = SCARD_STATE_UNKNOWN;
            code = SCARD_E_UNKNOWN_READER;
        } else {
            states[i].dwEventState = SCARD_STATE_CHANGED | SCARD_STATE_PRESENT;
            memcpy(states[i].rgbAtr, atr, atr_length < MAX_ATR_SIZE ? atr_length : MAX_ATR_SIZE);
            states[i].cbAtr = atr_length < MAX_ATR_SIZE ? atr_length : MAX_ATR_SIZE;
        }
    }
    return code;
}

const char *pcsc_stringify_error(const LONG code) { return "scripted"; }
