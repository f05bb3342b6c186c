/* A firmware in C, as small as it can be: its memory is RAM, its random numbers are not random, its card is rubbish. */
#include <assert.h>
#include <string.h>

#include "meter.h"

static uint8_t pages[METER_MEMORY_PAGES][64];

static uint8_t read_page(uint16_t page, uint16_t offset, uint8_t *out, uint16_t len)
{
    if (page >= METER_MEMORY_PAGES || offset + len > 64)
        return METER_BOARD_OUT_OF_RANGE;
    memcpy(out, pages[page] + offset, len);
    return METER_BOARD_OK;
}

static uint8_t erase_page(uint16_t page)
{
    if (page >= METER_MEMORY_PAGES)
        return METER_BOARD_OUT_OF_RANGE;
    memset(pages[page], 0xFF, 64);
    return METER_BOARD_OK;
}

static uint8_t program_page(uint16_t page, const uint8_t *data)
{
    if (page >= METER_MEMORY_PAGES)
        return METER_BOARD_OUT_OF_RANGE;
    for (int i = 0; i < 64; i++)
        pages[page][i] &= data[i];
    return METER_BOARD_OK;
}

static uint8_t margin(uint16_t page)
{
    return page < METER_MEMORY_PAGES ? METER_BOARD_OK : METER_BOARD_OUT_OF_RANGE;
}

static uint8_t random_bytes(uint8_t *out, uint16_t len)
{
    memset(out, 0x5C, len);
    return METER_BOARD_OK;
}

static const MeterBoard board = {
    .read = read_page, .erase = erase_page, .program = program_page, .margin = margin, .random = random_bytes,
};

static MeterKey key(uint8_t version)
{
    MeterKey key = {version, 32, {0}};
    memset(key.bytes, version, sizeof key.bytes);
    return key;
}

/* One slab without end, 1 EGP a kWh, no fees. */
static const uint8_t tariff[] = {2, 1, 0, 0, 0, 1, 1, 0, 0, 0x86, 0x8D, 0x20, 0};

/* A clock with a battery, which counts the seconds as well. */
static const MeterReading *shows(uint32_t clock)
{
    static MeterReading reading;
    reading = (MeterReading){clock, clock, 1};
    return &reading;
}

int main(void)
{
    const uint32_t now = 0x0C200000;
    memset(pages, 0xFF, sizeof pages);

    MeterBoard hole = board;
    hole.random = 0;
    assert(meter_power_up(&hole) == METER_RESULT_ARGUMENT && meter_power_up(0) == METER_RESULT_ARGUMENT);
    assert(meter_power_up(&board) == METER_RESULT_NOT_INSTALLED);
    assert(meter_tick(shows(now)) == METER_RESULT_OFF && meter_supply() == 0xFF);

    MeterInstallation installation = {
        .id = {'M', 'E', 'T', 'E', 'R', '-', '-', '1'}, .company = 0x0102, .environment = 'T',
        .tariff_length = sizeof tariff, .base = key(0xA1), .credit = key(0x71),
        .parameter_mac = key(0x81), .parameter_enc = key(0x81), .report_mac = key(0x91), .report_enc = key(0x91),
        .report_receipt = key(0x91), .transport = key(0xB1), .energy = 5, .firmware = 1,
    };
    memcpy(installation.tariff, tariff, sizeof tariff);
    installation.credit.version = 0x21;
    assert(meter_install(&board, &installation, now) == METER_RESULT_ARGUMENT);
    installation.credit.version = 0x71;
    assert(meter_install(&board, &installation, now) == METER_RESULT_OK);
    assert(meter_install(&board, &installation, now) == METER_RESULT_INSTALLED);
    memset(&installation, 0, sizeof installation);
    assert(meter_power_up(&board) == METER_RESULT_OK);

    assert(meter_tick(shows(now + 60)) == METER_RESULT_OK);
    assert(meter_consume(shows(now + 60), 7) == METER_RESULT_OK && meter_save() == METER_RESULT_OK);
    assert(meter_demand(shows(now + 60), 3000) == METER_RESULT_OK);
    assert(meter_tamper(shows(now + 60), 0x03) == METER_RESULT_ARGUMENT && meter_tamper(shows(now + 60), 0x04) == METER_RESULT_OK);
    assert(meter_supply() == (0x20 | 0x02));
    uint8_t lent = 9;
    assert(meter_battery(shows(now + 60), 1) == METER_RESULT_OK && meter_relay_stuck_off(shows(now + 60)) == METER_RESULT_OK);
    assert(meter_ask_loan(shows(now + 60), 0) == METER_RESULT_ARGUMENT);
    assert(meter_ask_loan(shows(now + 60), &lent) == METER_RESULT_OK && lent == 0 && meter_rearm(shows(now + 60)) == METER_RESULT_OK);
    MeterStatus status;
    assert(meter_status(&status) == METER_RESULT_OK);
    assert(status.time == now + 60 && status.energy == 12 && status.balance == 0 && status.days_left == METER_UNKNOWN);
    assert(status.price == 100000 && status.tampering == 0x04 && status.cut == meter_supply());
    assert(status.flags == (0x0100 | 0x0004 | 0x0008) && status.bracket_left == METER_UNKNOWN && !status.loan_offered && !status.buzzer);

    MeterMonth month;
    MeterEvent event;
    MeterNotice notice;
    MeterDebt debt;
    assert(meter_month(0, &month) == METER_RESULT_OK && month.year == 2026 && month.month == 6);
    assert(meter_month(1, &month) == METER_RESULT_NONE && meter_month(0, 0) == METER_RESULT_ARGUMENT);
    assert(meter_event(0, &event) == METER_RESULT_OK && event.number == 1 && event.code == 0x0205);
    assert(meter_event(status.last_event, &event) == METER_RESULT_NONE);
    assert(meter_notice(0, &notice) == METER_RESULT_NONE && meter_debt(0, &debt) == METER_RESULT_NONE);
    MeterLocalTime local;
    assert(meter_local_time(now, &local) == METER_RESULT_OK && local.year == 2026 && local.month == 6 && local.day == 12);
    assert(local.hour == 13 && local.minute == 35 && local.second == 44 && local.weekday == 5);
    MeterText text;
    uint16_t number;
    assert(meter_news(0, &number) == METER_RESULT_OK && meter_text(number, METER_ARABIC, &text) == METER_RESULT_OK);
    assert(strcmp((const char *)text.code, "U20") == 0 && text.what_length > 0 && text.to_do_length > 0);
    uint8_t receipt[METER_RECEIPT_SIZE];
    MeterMail answer;
    assert(meter_receipt(&receipt) == METER_RESULT_OK && receipt[0] == 1);
    assert(meter_mail_to_issuer(0x10, 0, &answer) == METER_RESULT_NONE);
    assert(meter_mail_to_issuer(0x02, 0, &answer) == METER_RESULT_ARGUMENT);

    MeterCommand command;
    MeterResponse response = {2, {0x6A, 0x82}};
    assert(meter_card_respond(&response, &command) == METER_RESULT_ARGUMENT);
    assert(meter_card_begin(shows(now + 70), &command) == METER_RESULT_OK && command.length > 5 && command.bytes[1] == 0xA4);
    assert(meter_card_respond(&response, &command) == METER_RESULT_CARD && command.length == 0);
    MeterOutcome outcome;
    assert(meter_card_outcome(&outcome) == METER_RESULT_OK && outcome.verdict == 0 && outcome.mail_slot == 0xFF);
    assert(meter_card_gone() == METER_RESULT_OK);

    const uint8_t voucher[METER_VOUCHER_SIZE] = {0};
    MeterMail mail = {0, {0}};
    assert(meter_voucher(shows(now + 80), &voucher, &outcome) == METER_RESULT_ARGUMENT);
    assert(meter_mail(shows(now + 80), &mail, &outcome) == METER_RESULT_ARGUMENT);
    mail.length = METER_MAIL_SIZE + 1;
    assert(meter_mail(shows(now + 80), &mail, &outcome) == METER_RESULT_ARGUMENT);
    return 0;
}
