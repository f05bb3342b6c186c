/* Words and numbers on the serial line, for the display. */
#ifndef SERIAL_H
#define SERIAL_H

#include <stdint.h>

void put(const char *text);
void put_bytes(const uint8_t *bytes, uint32_t length);
void put_number(uint32_t number, int digits);    /* with at least so many digits */
void put_hundredths(int64_t value);              /* such as piastres and 10 Wh */

#endif
