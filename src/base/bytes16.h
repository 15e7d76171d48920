/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen bytes compared at once; compilers make the instructions of the machine of it. */
#ifndef SAKER_BASE_BYTES16_H
#define SAKER_BASE_BYTES16_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* As an answer: 0xff where it is yes, 0 where it is no. */
typedef uint8_t bytes16 __attribute__((vector_size(16)));

static inline bytes16 bytes16_load(const void *p)
{
	bytes16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline bytes16 bytes16_all(uint8_t b)
{
	return (bytes16){b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b};
}

static inline bytes16 bytes16_equal(bytes16 a, bytes16 b)
{
	return (bytes16)(a == b);
}

static inline bool bytes16_any(bytes16 v)
{
	uint64_t halves[2];

	memcpy(halves, &v, sizeof(halves));
	return halves[0] | halves[1];
}

#endif
