/* From reset to main, a serial line, an interrupt and an end: on QEMU's mps2-an386 (Cortex-M4) and virt (RISC-V). The part to write anew for a chip. */
#include <stdint.h>

#include "chip.h"

int main(void);

extern uint32_t data_begin[], data_end[], data_in_flash[], bss_begin[], bss_end[], stack_top[];

/* RAM as the program expects it; then the program. */
__attribute__((noreturn, used)) static void start(void)
{
    uint32_t *from = data_in_flash;
    for (uint32_t *to = data_begin; to < data_end; to++)
        *to = *from++;
    for (uint32_t *to = bss_begin; to < bss_end; to++)
        *to = 0;
    chip_end(main());
    for (;;)
        ;
}

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

#ifdef __riscv

__attribute__((naked, section(".start"), used)) void reset(void)
{
    __asm__ volatile("la sp, stack_top\n\tj %0" : : "i"(start));
}

/* Machine software interrupts are raised by this. */
#define MSIP REGISTER(0x2000000)

__attribute__((interrupt("machine"), aligned(4))) static void interrupted(void)
{
    MSIP = 0;
    power_fails();
}

void chip_interrupt(void)
{
    MSIP = 1;
    /* Where it goes; that these come (mie), and any (mstatus). */
    __asm__ volatile(".option push\n\t.option arch, +zicsr\n\tcsrw mtvec, %0\n\tcsrs mie, %1\n\tcsrs mstatus, %1\n\t.option pop"
                     : : "r"(interrupted), "r"(8) : "memory");
    while (MSIP)
        ;
}

void chip_put(char byte)
{
    *(volatile uint8_t *)(uintptr_t)0x10000000 = (uint8_t)byte;
}

void chip_end(int failed)
{
    REGISTER(0x100000) = failed ? 0x13333 : 0x5555;
}

#else

static void halt(void)
{
    for (;;)
        ;
}

/* The first stack pointer, reset, exceptions. */
__attribute__((section(".start"), used)) static const struct {
    uint32_t *stack;
    void (*handlers[15])(void);
} vectors = {
    stack_top,
    {start, halt, halt, halt, halt, halt, 0, 0, 0, 0, halt, halt, 0, power_fails, halt},
};

/* PendSV. */
void chip_interrupt(void)
{
    REGISTER(0xE000ED04) = 1u << 28;
    __asm__ volatile("dsb\n\tisb" : : : "memory");
}

void chip_put(char byte)
{
    REGISTER(0x40004010) = 16; /* the fastest */
    REGISTER(0x40004008) = 1;  /* it sends */
    while (REGISTER(0x40004004) & 1)
        ;
    REGISTER(0x40004000) = (uint8_t)byte;
}

/* Semihosting: "application exit", or "run-time error". */
void chip_end(int failed)
{
    register uint32_t operation __asm__("r0") = 0x18;
    register uint32_t reason __asm__("r1") = failed ? 0x20023 : 0x20026;
    __asm__ volatile("bkpt 0xAB" : : "r"(operation), "r"(reason) : "memory");
}

#endif
