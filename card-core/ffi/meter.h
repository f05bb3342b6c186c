/* The meter of the prepaid electricity card (docs/meter.md, section 15). Made from the crate card-meter by its test `header`. */

#ifndef METER_H
#define METER_H

#include <stdint.h>

// Success.
#define METER_BOARD_OK 0

// Power is lost; nothing further will run.
#define METER_BOARD_POWER_LOST 1

// No such page, or range in it.
#define METER_BOARD_OUT_OF_RANGE 2

// The page can no longer be written; the random number source is out of order.
#define METER_BOARD_FAILED 3

// Of `margin` only: a bit of the page may read differently another time.
#define METER_BOARD_DOUBTFUL 4

// What a number of `MeterStatus` is where it is not known.
#define METER_UNKNOWN 4294967295

// A language of texts: English.
#define METER_ENGLISH 0

// A language of texts: Arabic, from right to left.
#define METER_ARABIC 1

// Pages of memory that a meter uses.
#define METER_MEMORY_PAGES 280

// Bytes of the longest command to a card.
#define METER_COMMAND_SIZE 261

// Bytes of the longest response of a card.
#define METER_RESPONSE_SIZE 258

// Bytes of the longest mail.
#define METER_MAIL_SIZE 180

// Bytes of the longest tariff.
#define METER_TARIFF_SIZE 145

// Bytes of a voucher.
#define METER_VOUCHER_SIZE 110

// Bytes of a meter's receipt.
#define METER_RECEIPT_SIZE 68

// How a call ended.
enum MeterResult
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Done.
    METER_RESULT_OK = 0,
    // The card did something wrong, or is none of ours. It is to be presented again; what was decided has been stored all the same.
    METER_RESULT_CARD = 1,
    // The memory failed: power the meter up again.
    METER_RESULT_MEMORY = 2,
    // A write failed before: power the meter up again.
    METER_RESULT_POWER_UP_FIRST = 3,
    // There are keys already.
    METER_RESULT_INSTALLED = 4,
    // There are no keys.
    METER_RESULT_NOT_INSTALLED = 5,
    // A number would not fit; nothing was counted.
    METER_RESULT_OUT_OF_RANGE = 6,
    // The memory holds records of another version of this program.
    METER_RESULT_FORMAT = 7,
    // An argument is missing, or is not what it should be; nothing was done.
    METER_RESULT_ARGUMENT = 8,
    // There was no successful `meter_install` or `meter_power_up` before this.
    METER_RESULT_OFF = 9,
    // Called out of another call, as by an interrupt or a function of the board; nothing was done. Of `meter_save`: it will be.
    METER_RESULT_BUSY = 10,
    // No random numbers are available.
    METER_RESULT_RANDOM = 11,
    // An error of this program.
    METER_RESULT_INTERNAL = 12,
    // There is none of what was asked for, or no further one.
    METER_RESULT_NONE = 13,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum MeterResult MeterResult;
#else
typedef uint8_t MeterResult;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What the firmware does for the meter: five functions that are there, and two for a chip with an AES engine. All stay valid for ever,
// and use nothing of this interface.
//
// The memory has pages of 64 bytes with numbers from 0 on, `METER_MEMORY_PAGES` of them, which nobody else writes to. An erased byte reads FF;
// programming clears bits and never sets one. Each function answers `METER_BOARD_OK`, or why not.
typedef struct {
    // Reads `len` bytes of a page, from `offset` on, to `out`.
    uint8_t (*read)(uint16_t page, uint16_t offset, uint8_t *out, uint16_t len);
    // Erases a page to FF.
    uint8_t (*erase)(uint16_t page);
    // Clears every bit of a page that is 0 in the 64 bytes of `data`. Also where it is 0 already: this refreshes it.
    uint8_t (*program)(uint16_t page, const uint8_t *data);
    // Whether every bit of a page reads the same under a raised and a lowered threshold: else, or in doubt, `METER_BOARD_DOUBTFUL`.
    // A part that cannot tell answers `METER_BOARD_OK` and must read reliably after a power cut.
    uint8_t (*margin)(uint16_t page);
    // Writes `len` random bytes, fit for keys, to `out`.
    uint8_t (*random)(uint8_t *out, uint16_t len);
    // Encrypts the 16 bytes of `block` in place by AES (FIPS 197), with a key of `key_length` bytes: 16, 24 or 32. It cannot fail.
    // 0, and the next one too: AES is in software.
    void (*aes_encrypt)(const uint8_t *key, uint8_t key_length, uint8_t *block);
    // Decrypts them likewise.
    void (*aes_decrypt)(const uint8_t *key, uint8_t key_length, uint8_t *block);
} MeterBoard;

// A key with its key version number (specification, section 4.1).
typedef struct {
    // Key version number: role and version.
    uint8_t version;
    // 16, 24 or 32.
    uint8_t length;
    // The key, in the first `length` of them.
    uint8_t bytes[32];
} MeterKey;

// What a meter maker writes into a meter once. To be wiped after it.
typedef struct {
    // The meter's identifier.
    uint8_t id[8];
    // The company that it is for.
    uint16_t company;
    // 54 test, 50 production: the code of the environment.
    uint8_t environment;
    // Bytes of the tariff.
    uint8_t tariff_length;
    // The tariff that is in force at first, as its mail says it (docs/tariff.md, section 6).
    uint8_t tariff[METER_TARIFF_SIZE];
    // Base key, Av.
    MeterKey base;
    // Credit key, 7v.
    MeterKey credit;
    // Parameter keys, 8v: MAC.
    MeterKey parameter_mac;
    // Parameter keys, the same version: ENC.
    MeterKey parameter_enc;
    // Report keys, 9v: MAC.
    MeterKey report_mac;
    // Report keys, the same version: ENC.
    MeterKey report_enc;
    // Report keys, the same version: code of meter receipts.
    MeterKey report_receipt;
    // Transport key, Bv.
    MeterKey transport;
    // The energy register, in 10 Wh.
    uint32_t energy;
    // Version of the firmware, for the meter's readings.
    uint32_t firmware;
} MeterInstallation;

// What firmware says of time with every call (docs/meter.md, section 2).
typedef struct {
    // What its clock shows: seconds since 2020-01-01, UTC; 0: it has none now.
    uint32_t clock;
    // Seconds on a counter that runs while power is on. Where it begins does not matter; at power-up it may begin anew.
    uint32_t uptime;
    // 1: the clock ran all the time while there was no power. What firmware knows at power-up, and says until the next one.
    uint8_t never_stopped;
} MeterReading;

// A command to a card.
typedef struct {
    // Bytes of it; 0: nothing is to be sent, the visit is over.
    uint16_t length;
    // The command.
    uint8_t bytes[METER_COMMAND_SIZE];
} MeterCommand;

// A response of a card, with its status word. Where it was fetched in parts (61xx, 6Cxx), the whole of it.
typedef struct {
    // Bytes of it.
    uint16_t length;
    // The response.
    uint8_t bytes[METER_RESPONSE_SIZE];
} MeterResponse;

// What the meter decided on a card, a voucher or a mail.
typedef struct {
    // Piastres that were added to the balance.
    uint64_t credit;
    // Piastres that were taken from it: a correction.
    uint64_t debit;
    // The balance now, in piastres; below 0 it is a debt.
    int64_t balance;
    // The text for it; 0: there is nothing to say yet.
    uint16_t text;
    // The text for the mail; 0: none.
    uint16_t mail_text;
    // Of credit: 0 nothing decided yet, 1 applied, 2 there was nothing new, 3 refused.
    uint8_t verdict;
    // Why it was refused (specification, section 11); else 0.
    uint8_t reason;
    // 1: the card has confirmed the settlement.
    uint8_t settled;
    // 1: the visit ended early, and the card is to be presented again. What the rest says is done all the same.
    uint8_t torn;
    // Slot of the mail that was handled last; FF: none.
    uint8_t mail_slot;
    // 1: it was taken; else why not (docs/meter.md, section 7).
    uint8_t mail_result;
} MeterOutcome;

// A mail of the issuer, sealed, that came without a card.
typedef struct {
    // Bytes of it.
    uint16_t length;
    // The mail.
    uint8_t bytes[METER_MAIL_SIZE];
} MeterMail;

// What the display shows (docs/meter.md, section 14).
typedef struct {
    // Credit in piastres; below 0 it is a debt.
    int64_t balance;
    // The customer's account; 0: none.
    uint64_t account;
    // What is still to be taken for debts, in piastres.
    uint64_t debts_left;
    // What crossing the end of the present bracket takes by itself, in piastres; below 0 it gives back.
    int64_t crossing;
    // The meter's time: seconds since 2020-01-01, UTC; 0: not set.
    uint32_t time;
    // The energy register, in 10 Wh.
    uint32_t energy;
    // What the credit buys in this month, in 10 Wh; or unknown.
    uint32_t energy_left;
    // Price of the present slab, in 0.00001 EGP per kWh.
    uint32_t price;
    // Energy to the end of the present bracket, in 10 Wh; unknown: it has none.
    uint32_t bracket_left;
    // Price behind it, in 0.00001 EGP per kWh.
    uint32_t next_price;
    // Days that the credit lasts; or unknown.
    uint32_t days_left;
    // End of the emergency loan; 0: none.
    uint32_t loan_until;
    // Number of the binding; 0: none.
    uint32_t binding;
    // Contracted power, in W; 0: unlimited.
    uint32_t contracted_power;
    // The power limit in force, in W; 0: unlimited.
    uint32_t power_limit;
    // Version of the tariff in force.
    uint32_t tariff;
    // Version of the waiting tariff; 0: none.
    uint32_t tariff_waiting;
    // Number of the newest event; 0: none.
    uint32_t last_event;
    // Flags of reports (specification, 5.4).
    uint16_t flags;
    // Reasons to cut the supply (docs/meter.md, section 5); 0: it is on.
    uint8_t cut;
    // Tampering that was seen (docs/meter.md, section 6).
    uint8_t tampering;
    // Number from 1 of the present slab.
    uint8_t slab;
    // 1: it is a friendly time.
    uint8_t friendly;
    // 1: a restart is near (text B06).
    uint8_t restart_near;
    // 1: an emergency loan can be had (text V05).
    uint8_t loan_offered;
    // What the buzzer says: 0 nothing, 1 credit is low, 2 a cut is near.
    uint8_t buzzer;
} MeterStatus;

// A month of the present binding (specification, 5.8).
typedef struct {
    // What its energy has cost, in piastres.
    uint64_t charge;
    // Fees, in piastres: service fee, levies and others together; 0 in the month that runs, for they are taken at its end. Below zero
    // where rebates are more.
    int64_t fees;
    // Energy, in 10 Wh.
    uint32_t energy;
    // What of the charge restarts have brought, in piastres; below zero it was given.
    int32_t re_rating;
    // Service fee, in piastres.
    uint32_t service_fee;
    // Levies and taxes, in piastres; below zero they were given.
    int32_t levies;
    // Other charges, in piastres; below zero they were given.
    int32_t others;
    // Instalments taken as it began, in piastres.
    uint32_t instalments;
    // What of the charge a doubtful clock has brought, in piastres.
    uint32_t doubt_cost;
    // Version of its tariff.
    uint32_t tariff;
    // Highest demand, in W.
    uint32_t peak;
    // Its year.
    uint16_t year;
    // 1 January to 12 December.
    uint8_t month;
    // Number from 1 of the slab that it has reached.
    uint8_t slab;
    // 01 a part of a month, 02 rated again, 04 the clock was doubtful.
    uint8_t flags;
} MeterMonth;

// An event (docs/meter.md, section 13).
typedef struct {
    // From 1, in a binding.
    uint32_t number;
    // When: seconds since 2020-01-01, UTC.
    uint32_t time;
    // What it has done to the balance, in piastres: above 0 it rose. 0: nothing.
    int64_t amount;
    // What.
    uint16_t code;
    // A text for it; 0: none.
    uint16_t text;
    // Details by code.
    uint8_t data[6];
} MeterEvent;

// A charge, as the meter applied it (docs/meter.md, section 14).
typedef struct {
    // What was credited, in piastres.
    uint64_t credit;
    // What of the credit paid a debt, in piastres.
    uint64_t debt;
    // What was taken as a correction, in piastres.
    uint64_t correction;
    // The balance after it, in piastres.
    int64_t balance;
    // When: seconds since 2020-01-01, UTC.
    uint32_t time;
} MeterCharge;

// A notice of the company (docs/meter.md, section 7.4).
typedef struct {
    // Shown until then; 0: no end.
    uint32_t until;
    // The value that belongs to the text; 0: none.
    uint32_t value;
    // Number of the template.
    uint16_t number;
    // The text for it.
    uint16_t text;
} MeterNotice;

// A debt that is paid in monthly instalments (docs/meter.md, section 7.3).
typedef struct {
    // What is still to be taken, in piastres.
    uint64_t left;
    // Its identifier.
    uint32_t id;
    // The next instalment, in piastres; 0: it is paid.
    uint32_t next;
    // Instalments in all.
    uint16_t instalments;
    // Instalments taken.
    uint16_t taken;
    // 1 instalments of a purchase, 2 arrears, 3 another one.
    uint8_t kind;
} MeterDebt;

// Local time by the calendar in force (docs/meter.md, section 3).
typedef struct {
    // From 2020 on.
    uint16_t year;
    // 1 January to 12 December.
    uint8_t month;
    // From 1 on.
    uint8_t day;
    // 0 to 23.
    uint8_t hour;
    // 0 to 59.
    uint8_t minute;
    // 0 to 59.
    uint8_t second;
    // 0 Sunday to 6 Saturday.
    uint8_t weekday;
} MeterLocalTime;

// A text (docs/messages.md), UTF-8, in flash, not ended by 0.
typedef struct {
    // What it is.
    const uint8_t *what;
    // What to do.
    const uint8_t *to_do;
    // Bytes of `what`.
    uint16_t what_length;
    // Bytes of `to_do`.
    uint16_t to_do_length;
    // Its code: a letter and two or three digits, ended by 0.
    uint8_t code[5];
} MeterText;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Installs a meter in memory that has none, and powers it up: a meter maker's work. A state that is there already stays. Where power
// was cut it is to be repeated. `reading` is of the clock: seconds since 2020-01-01, UTC; 0: not set.
MeterResult meter_install(const MeterBoard *board,
                          const MeterInstallation *installation,
                          uint32_t reading);

// After every power-up, and after `METER_RESULT_MEMORY`: finds the meter in its memory again.
MeterResult meter_power_up(const MeterBoard *board);

// Time passes: at least once a minute. This call and all others that take a reading say what firmware knows of time.
MeterResult meter_tick(const MeterReading *reading);

// Energy was measured, in 10 Wh.
//
// `METER_RESULT_OK`: it is counted. `METER_RESULT_MEMORY`: whether it is, the register says: after `meter_power_up`, what `MeterStatus.energy`
// is behind the firmware's own register is to be told again. Every other result: it is not counted, and is to be told again with the next;
// after `METER_RESULT_OUT_OF_RANGE`, which comes where the month is full, when the next month has begun.
MeterResult meter_consume(const MeterReading *reading,
                          uint32_t energy);

// Demand was measured, in W, averaged as the meter maker sees fit.
MeterResult meter_demand(const MeterReading *reading, uint32_t watts);

// Tampering was seen: one bit of docs/meter.md, section 6. To be reported once or again, as is easier.
MeterResult meter_tamper(const MeterReading *reading, uint8_t kind);

// How the battery of clock and memory is: 1 low, 0 good. To be reported when it changes or again, as is easier.
MeterResult meter_battery(const MeterReading *reading, uint8_t low);

// The supply is on, and nothing comes through the relay: it does not close.
MeterResult meter_relay_stuck_off(const MeterReading *reading);

// The button for an emergency loan was pressed. `lent`: 1 where one was given.
MeterResult meter_ask_loan(const MeterReading *reading, uint8_t *lent);

// The button that restores the supply was pressed, where that waits for it (reason 40).
MeterResult meter_rearm(const MeterReading *reading);

// Power is failing: writes what is not written yet. For interrupts too: where it comes out of another call it answers
// `METER_RESULT_BUSY`, and is done when that call ends, before it returns. Where that write fails, the other call says so, if it has
// nothing worse to say.
MeterResult meter_save(void);

// Reasons to cut the supply (docs/meter.md, section 5), as they were after the last call; 0: it is on. For the relay, after every other
// call, and for interrupts at any time. FF without a meter.
uint8_t meter_supply(void);

// A card has arrived: gives the first command for it.
MeterResult meter_card_begin(const MeterReading *reading, MeterCommand *command);

// The card has answered: gives the next command for it, or none, and then the visit is over. Response and command do not overlap.
MeterResult meter_card_respond(const MeterResponse *response,
                               MeterCommand *command);

// What has come of the visit so far; also after it was torn.
MeterResult meter_card_outcome(MeterOutcome *out);

// The card has gone: forgets its visit, and the keys of its session.
MeterResult meter_card_gone(void);

// A voucher has come over the network, in `METER_VOUCHER_SIZE` bytes.
MeterResult meter_voucher(const MeterReading *reading, const uint8_t (*voucher)[METER_VOUCHER_SIZE], MeterOutcome *out);

// A mail of the issuer has come over the network.
MeterResult meter_mail(const MeterReading *reading, const MeterMail *mail, MeterOutcome *out);

// The meter's receipt as it stands, for the issuer, in `METER_RECEIPT_SIZE` bytes: what a connected meter answers to a voucher.
MeterResult meter_receipt(uint8_t (*out)[METER_RECEIPT_SIZE]);

// The meter's mail to the issuer in `slot`, sealed: 10 (hexadecimal) final report of the binding before, 11 readings, 13 records of
// commands. `METER_RESULT_NONE` where its version is not above `version`, which the issuer has. For a connected meter; a card takes them by
// itself.
MeterResult meter_mail_to_issuer(uint8_t slot,
                                 uint32_t version,
                                 MeterMail *out);

// What the display shows.
MeterResult meter_status(MeterStatus *out);

// The month that runs (`back` 0), the one before it (1), and so on; `METER_RESULT_NONE` where it is not kept.
MeterResult meter_month(uint16_t back, MeterMonth *out);

// The first event with a number above `after`, of those that are kept; `METER_RESULT_NONE` where there is none.
MeterResult meter_event(uint32_t after, MeterEvent *out);

// The newest charge (`back` 0), the one before it (1), and so on up to 9; `METER_RESULT_NONE` where there is none.
MeterResult meter_charge(uint8_t back, MeterCharge *out);

// The notice at a place from 0 on, of those that are to be shown now; `METER_RESULT_NONE` after the last one.
MeterResult meter_notice(uint8_t place, MeterNotice *out);

// The debt at a place from 0 on; `METER_RESULT_NONE` after the last one.
MeterResult meter_debt(uint8_t place, MeterDebt *out);

// Local time at a time of the meter, such as that of `MeterStatus` or of an event.
MeterResult meter_local_time(uint32_t time, MeterLocalTime *out);

// The text with a number that something here has given. Firmware that never calls this has no texts in its flash.
MeterResult meter_text(uint16_t number, uint8_t language, MeterText *out);

// How the meter stands: the text at a place from 0 on, the most urgent first; `METER_RESULT_NONE` after the last one (docs/meter.md,
// section 14). Notices have a function of their own.
MeterResult meter_news(uint8_t place,
                       uint16_t *text);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* METER_H */
