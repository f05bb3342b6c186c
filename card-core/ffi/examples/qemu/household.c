/* A household's day at a meter: it consumes, is warned, crosses into a dearer bracket, is cut, and comes back by a card; power fails in the
   evening. The meter explains each movement in Arabic. Flash is RAM here, random numbers are none, the card is simulated (card.h). */
#include "card.h"
#include "chip.h"
#include "meter.h"
#include "serial.h"

enum { HOUR = 3600, DAY = 24 * HOUR, MONTH_BEGINS = 2342 * DAY + 21 * HOUR /* 2026-06-01, 00:00 in Cairo */ };

static MeterReading now = {.clock = MONTH_BEGINS + 12 * HOUR, .never_stopped = 1}; /* a clock with a battery */
static uint32_t own_register;                   /* what was measured, in 10 Wh */
static uint32_t shown;                          /* the newest event that was shown */
static uint8_t relay_cut = 0xFF;

/* ---- the display: a serial line */

static void put_time(uint32_t time)
{
    MeterLocalTime local;
    meter_local_time(time, &local);
    put_number(local.day, 2);
    put("/");
    put_number(local.month, 2);
    put(" ");
    put_number(local.hour, 2);
    put(":");
    put_number(local.minute, 2);
    put("  ");
}

static void put_text(uint16_t number)
{
    MeterText text;
    if (meter_text(number, METER_ARABIC, &text) != METER_RESULT_OK)
        return;
    put_bytes(text.what, text.what_length);
    put(" [");
    put((const char *)text.code);
    put("]");
}

/* ---- the board: flash, random numbers */

static uint8_t flash[METER_MEMORY_PAGES][64];
static int power_is_bad; /* the supply's monitor sees it fall, and raises an interrupt */

static uint8_t flash_read(uint16_t page, uint16_t offset, uint8_t *out, uint16_t length)
{
    if (power_is_bad)
        chip_interrupt();
    if (page >= METER_MEMORY_PAGES || offset + length > 64)
        return METER_BOARD_OUT_OF_RANGE;
    while (length--)
        *out++ = flash[page][offset++];
    return METER_BOARD_OK;
}

static uint8_t flash_erase(uint16_t page)
{
    for (int i = 0; page < METER_MEMORY_PAGES && i < 64; i++)
        flash[page][i] = 0xFF;
    return page < METER_MEMORY_PAGES ? METER_BOARD_OK : METER_BOARD_OUT_OF_RANGE;
}

static uint8_t flash_program(uint16_t page, const uint8_t *data)
{
    for (int i = 0; page < METER_MEMORY_PAGES && i < 64; i++)
        flash[page][i] &= data[i];
    return page < METER_MEMORY_PAGES ? METER_BOARD_OK : METER_BOARD_OUT_OF_RANGE;
}

static uint8_t flash_margin(uint16_t page)
{
    return page < METER_MEMORY_PAGES ? METER_BOARD_OK : METER_BOARD_OUT_OF_RANGE;
}

/* Not random: a chip's generator of random numbers takes its place. */
static uint8_t random_bytes(uint8_t *out, uint16_t length)
{
    static uint32_t state = 1;
    while (length--)
        *out++ = (uint8_t)((state = state * 1664525 + 1013904223) >> 24);
    return METER_BOARD_OK;
}

static const MeterBoard board = {
    .read = flash_read, .erase = flash_erase, .program = flash_program, .margin = flash_margin, .random = random_bytes,
};

/* ---- the firmware */

static void must(uint8_t done)
{
    if (!done) {
        put("failed\n");
        chip_end(1);
    }
}

/* The relay follows the meter after every call; what has happened is shown, and what it did to the balance. */
static void follow(void)
{
    MeterEvent event;
    if ((meter_supply() != 0) != (relay_cut != 0))
        put(meter_supply() ? "-- relay opens --\n" : "-- relay closes --\n");
    relay_cut = meter_supply();
    while (meter_event(shown, &event) == METER_RESULT_OK) {
        shown = event.number;
        put_time(event.time);
        put_text(event.text);
        if (event.amount) {
            put(event.amount > 0 ? "  +" : "  ");
            put_hundredths(event.amount);
        }
        put("\n");
    }
}

/* An hour passes, in which this much was consumed if there was supply. */
static void hour(uint32_t energy)
{
    now.clock += HOUR;
    now.uptime += HOUR;
    must(meter_tick(&now) == METER_RESULT_OK);
    if (!relay_cut) {
        own_register += energy;
        must(meter_consume(&now, energy) == METER_RESULT_OK);
    }
    follow();
}

/* A card is put in. */
static void card(void)
{
    MeterCommand command;
    MeterResponse response;
    MeterOutcome outcome;
    must(meter_card_begin(&now, &command) == METER_RESULT_OK);
    while (command.length) {
        simulated_card_answer(&command, &response);
        must(meter_card_respond(&response, &command) == METER_RESULT_OK);
    }
    must(meter_card_outcome(&outcome) == METER_RESULT_OK && outcome.settled);
    meter_card_gone();
    simulated_card_leave();
    put_time(now.clock);
    put_text(outcome.text);
    put("  +");
    put_hundredths((int64_t)outcome.credit);
    put("\n");
    follow();
}

/* The interrupt: it comes while another call runs, which does the save before it ends. */
void power_fails(void)
{
    power_is_bad = 0;
    must(meter_save() == METER_RESULT_BUSY);
}

/* All that is to be said at this moment. */
static void news(void)
{
    uint16_t text;
    for (uint8_t place = 0; meter_news(place, &text) == METER_RESULT_OK; place++) {
        put("   ");
        put_text(text);
        put("\n");
    }
}

int main(void)
{
    MeterInstallation installation;
    MeterStatus status;
    MeterEvent event;
    for (uint16_t page = 0; page < METER_MEMORY_PAGES; page++)
        flash_erase(page);
    must(simulated_installation(&installation) == 0);
    own_register = installation.energy;
    must(meter_install(&board, &installation, now.clock) == METER_RESULT_OK);
    must(simulated_card_issue() == 0 && simulated_card_load(8000, 2) == 0);
    card();
    while (now.clock < MONTH_BEGINS + 13 * DAY)
        hour(32);
    news();
    for (int i = 0; i < 12; i++)
        hour(i < 9 ? 20 : 90);
    news();
    must(simulated_card_load(13000, 3) == 0);
    card();
    hour(57);
    must(meter_consume(&now, 5) == METER_RESULT_OK && (own_register += 5));
    power_is_bad = 1;
    must(meter_event(0, &event) == METER_RESULT_OK && !power_is_bad && meter_power_up(&board) == METER_RESULT_OK);
    must(meter_status(&status) == METER_RESULT_OK && status.energy == own_register);
    return 0;
}
