/* SPDX-License-Identifier: Apache-2.0 */
/* libpactolus consists of the floors' archives; CMake wants a source all the same. */
typedef int pactolus_empty_translation_unit;
