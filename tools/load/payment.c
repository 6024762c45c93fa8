/* SPDX-License-Identifier: Apache-2.0 */
#include "payment.h"

#include <string.h>

uint64_t payment_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

void payment_id(uint64_t key, char id[PAYMENT_ID_LENGTH + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t high = payment_mix(key), low = payment_mix(~key);
    high = (high & 0xffffffffffff0fff) | 0x4000;           /* version 4 */
    low = (low & 0x3fffffffffffffff) | 0x8000000000000000; /* variant of RFC 9562 */
    for (int nibble = 0, at = 0; nibble < 32; nibble++) {
        if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20)
            id[at++] = '-';
        uint64_t half = nibble < 16 ? high : low;
        id[at++] = digits[half >> (60 - 4 * (nibble % 16)) & 15];
    }
    id[PAYMENT_ID_LENGTH] = 0;
}

void payment_make(struct payment *payment, uint64_t seed, uint64_t number)
{
    static const char *const currencies[] = {"EUR", "USD", "GBP", "CHF", "JPY", "SEK", "PLN"};
    static const char *const merchants[] = {
        "Corner Bakery",   "Grand Hôtel Zürich", "東京駅書店",        "Łódź Kebab",
        "North Sea Ferry", "Café Münchner Tor",  "Rail & Road",       "Farmacia São João",
        "Bike Workshop",   "Kiosk 24",           "Ålesund Fisk",      "Museum of Everything",
        "Green Grocer",    "Пекарня Одеса",      "Second-hand Books", "Ferry \"Aurora\"",
    };
    static const char *const notes[] = {"thanks!", "table 4, no receipt", "for Ada",
                                        "Geschenk für Großmutter"};
    uint64_t a = payment_mix(seed ^ payment_mix(number)), b = payment_mix(a);
    payment->account = 100000 + (int64_t)(a % 250000);
    payment->amount = (int64_t)(b % 2000000) - 50000;
    payment->currency = currencies[(a >> 32) % 7];
    payment->status = 1 + (unsigned)((a >> 40) % 4);
    payment->merchant = merchants[(b >> 40) % 16];
    payment->merchant_length = strlen(payment->merchant);
    payment->note = (b >> 48) % 4 == 0 ? notes[(b >> 52) % 4] : NULL;
}

unsigned char *payment_varint(unsigned char *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *at++ = (unsigned char)value;
    return at;
}

unsigned char *payment_bytes(unsigned char *at, unsigned field, const void *data, size_t length)
{
    at = payment_varint(at, field << 3 | 2);
    at = payment_varint(at, length);
    memcpy(at, data, length);
    return at + length;
}

/* A proto3 scalar without presence is left out at zero. */
static unsigned char *put_varint(unsigned char *at, unsigned field, uint64_t value)
{
    if (value == 0)
        return at;
    return payment_varint(payment_varint(at, field << 3), value);
}

size_t payment_encode(const struct payment *payment, unsigned char *out)
{
    unsigned char created[32], *at = out, *end = created;
    if (payment->id[0])
        at = payment_bytes(at, 1, payment->id, PAYMENT_ID_LENGTH);
    at = put_varint(at, 2, (uint64_t)payment->account);
    at = put_varint(at, 3, (uint64_t)payment->amount);
    at = payment_bytes(at, 4, payment->currency, strlen(payment->currency));
    at = put_varint(at, 5, payment->status);
    end = put_varint(end, 1, (uint64_t)payment->seconds);
    end = put_varint(end, 2, (uint64_t)payment->nanos);
    at = payment_bytes(at, 6, created, (size_t)(end - created));
    at = payment_bytes(at, 7, payment->merchant, payment->merchant_length);
    if (payment->note)
        at = payment_bytes(at, 8, payment->note, strlen(payment->note));
    return (size_t)(at - out);
}
