/* Words and numbers on the serial line, for the display. */
#include "serial.h"
#include "chip.h"

void put_bytes(const uint8_t *bytes, uint32_t length)
{
    while (length--)
        chip_put((char)*bytes++);
}

void put(const char *text)
{
    while (*text)
        chip_put(*text++);
}

void put_number(uint32_t number, int digits)
{
    char text[10];
    int used = 0;
    for (; number || used < digits; number /= 10)
        text[used++] = (char)('0' + number % 10);
    while (used)
        chip_put(text[--used]);
}

void put_hundredths(int64_t value)
{
    uint32_t amount = (uint32_t)(value < 0 ? -value : value);
    put(value < 0 ? "-" : "");
    put_number(amount / 100, 1);
    put(".");
    put_number(amount % 100, 2);
}
