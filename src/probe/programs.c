/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

void probe_describe_programs(const struct probe *p, struct buffer *out)
{
	struct probe_run run, all = {0};

	buffer_printf(out, "%-24s %12s %12s %12s\n", "program", "verified", "instructions",
		      "native bytes");
	for (size_t i = 0; probe_run(p, i, &run); i++) {
		buffer_printf(out, "%-24s %12u %12u %12u\n", run.name, run.verified,
			      run.instructions, run.native_bytes);
		all.verified += run.verified;
		all.instructions += run.instructions;
		all.native_bytes += run.native_bytes;
	}
	buffer_printf(out, "%-24s %12u %12u %12u\n", "all", all.verified, all.instructions,
		      all.native_bytes);
}
