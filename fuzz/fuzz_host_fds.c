/* SPDX-License-Identifier: Apache-2.0 */
/* A line of /proc/net/tcp or unix: paths in it are chosen by whoever binds a socket. */
#include "source/host_fds.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str line = {(const char *)data, size};
	struct listed_fd fd;

	if (host_fds_parse_unix(line, &fd) &&
	    (fd.name.n > size || (fd.name.n && fd.name.p < line.p)))
		abort();
	host_fds_parse_socket(line, 2, &fd);
	return 0;
}
