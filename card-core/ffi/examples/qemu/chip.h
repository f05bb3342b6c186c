/* What the example needs of a machine: start-up, a serial line, an end. chip.c has it for two machines of QEMU. */
#ifndef CHIP_H
#define CHIP_H

void chip_put(char byte);     /* to the serial line */
void chip_end(int failed);    /* ends the emulator */

#endif
