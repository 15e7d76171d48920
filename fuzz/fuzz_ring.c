/* SPDX-License-Identifier: Apache-2.0 */
/* Two rings with any bytes in them, written in two rounds: no record may reach outside a ring. */
#include "source/ring.h"

#include <stdlib.h>
#include <string.h>

enum { RING_BYTES = 4096, RINGS = 2 };

static bool time_of(const struct ring *r, uint64_t payload, uint32_t size, uint64_t *time)
{
	if (size < sizeof(*time))
		return false;
	ring_copy(r, payload, time, sizeof(*time));
	*time &= 0xff;
	return true;
}

static volatile unsigned sum;

static void handle(void *context, const void *payload, uint32_t size)
{
	const uint8_t *bytes = payload;

	(void)context;
	for (uint32_t i = 0; i < size; i++)
		sum += bytes[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ring rings[RINGS];
	unsigned long consumer[RINGS] = {0}, producer[RINGS] = {0};
	uint8_t *memory[RINGS];

	for (size_t i = 0; i < RINGS; i++) {
		/* Blocks of their own, so that reading past an end is found. */
		memory[i] = calloc(1, RING_BYTES);
		if (!memory[i])
			abort();
		if (size > 0) {
			consumer[i] = producer[i] = (unsigned long)data[0] * 8;
			data++;
			size--;
		}
		ring_attach(&rings[i], &consumer[i], &producer[i], memory[i], RING_BYTES);
	}
	for (unsigned round = 0; round < 3 && size > 1; round++) {
		for (size_t i = 0; i < RINGS && size > 1; i++) {
			unsigned long room = RING_BYTES - (producer[i] - consumer[i]);
			size_t n = ((size_t)data[0] * 16 + 8) & ~(size_t)7;

			n = n > room ? room : n;
			data++;
			size--;
			for (size_t k = 0; k < n && size > 0; k++, data++, size--)
				memory[i][(producer[i] + k) % RING_BYTES] = *data;
			producer[i] += n;
		}
		ring_merge(rings, RINGS, 0x80 + round, time_of, handle, NULL);
		for (size_t i = 0; i < RINGS; i++)
			if (consumer[i] > producer[i])
				abort();
	}
	for (size_t i = 0; i < RINGS; i++) {
		ring_unmap(&rings[i]);
		free(memory[i]);
	}
	return 0;
}
