/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fingerprint: SHA-256 (FIPS 180-4) in hex. Two contracts with one fingerprint make the same rows
 * and the same table; the catalog stores it, so that a changed contract is seen at start. It guards
 * against accidents and speed does not matter: our own few lines spare the public library, which
 * needs nothing else of it, the whole of libcrypto.
 */
#ifndef PACTOLUS_CONTRACT_FINGERPRINT_H
#define PACTOLUS_CONTRACT_FINGERPRINT_H

#include "base/buf.h"

enum { FINGERPRINT_LENGTH = 64 };

/* 64 lower-case hex digits and a NUL into `out`. */
void fingerprint_hex(struct span bytes, char out[FINGERPRINT_LENGTH + 1]);

#endif
