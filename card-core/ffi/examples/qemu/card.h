/* A card and its issuer, simulated: the card application of this project as it runs on a card's chip. For examples and tests; its keys are
   known to everybody. A real meter has a reader here. */
#ifndef CARD_H
#define CARD_H

#include "meter.h"

/* What the maker writes into the meter: keys, and the tariff of Egypt's households since August 2024. */
uint8_t simulated_installation(MeterInstallation *out);
/* Issues a customer's card for the meter, without credit. */
uint8_t simulated_card_issue(void);
/* A kiosk loads a charge: all credit that was ever sold, in piastres, and the number of the certificate, from 2 on. */
uint8_t simulated_card_load(uint64_t total, uint32_t sequence);
/* The card answers a command. */
void simulated_card_answer(const MeterCommand *command, MeterResponse *response);
/* The card is taken out. */
void simulated_card_leave(void);

#endif
