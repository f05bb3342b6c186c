/* What the example needs of a machine: start-up, a serial line, an interrupt, an end. chip.c has it for two machines of QEMU. */
#ifndef CHIP_H
#define CHIP_H

void chip_put(char byte);     /* to the serial line */
void chip_interrupt(void);    /* raises the interrupt: before this returns, power_fails has run in it */
void power_fails(void);       /* what the firmware does in it */
void chip_end(int failed);    /* ends the emulator */

#endif
