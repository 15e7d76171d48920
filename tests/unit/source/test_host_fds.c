/* SPDX-License-Identifier: Apache-2.0 */
#include "source/host_fds.h"
#include "state/fd_table.h"

#include "../unit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static void lines_of_sockets_are_read(void **unused)
{
	static const struct {
		const char *line;
		bool is_right;
		uint8_t type;
		uint16_t local_port, remote_port;
		uint64_t ino;
	} cases[] = {
	    {"   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0"
	     "        0 4711 1 0000000000000000 100 0 0 10 0",
	     true, LISTED_FD_IPV4_SERVER, 80, 0, 4711},
	    {"   1: 0100007F:0050 0100007F:A000 01 00000000:00000000 00:00000000 00000000  1000"
	     "        0 12 1",
	     true, LISTED_FD_IPV4, 80, 0xA000, 12},
	    {"   2: 00000000000000000000000001000000:1F90 00000000000000000000000001000000:0001 01 "
	     "0:0 00:0 0 0 0 99 1",
	     true, LISTED_FD_IPV6, 0x1F90, 1, 99},
	    {"   3: 0100007F:0050", false, 0, 0, 0, 0},
	    {"   3: 0100007F0050 00000000:0000 0A 0:0 0:0 0 0 0 1", false, 0, 0, 0, 0},
	    {"   3: 0100007F:0050 00000000:0000 0A 0:0 0:0 0 0 0 x", false, 0, 0, 0, 0},
	    {"", false, 0, 0, 0, 0},
	};
	struct listed_fd fd;

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_i64(host_fds_parse_socket(str_from(cases[i].line), FD_L4_TCP, &fd),
			  cases[i].is_right, cases[i].line);
		if (!cases[i].is_right)
			continue;
		check_i64(fd.type, cases[i].type, cases[i].line);
		check_i64(fd.local_port, cases[i].local_port, cases[i].line);
		check_i64(fd.remote_port, cases[i].remote_port, cases[i].line);
		check_i64(fd.ino, cases[i].ino, cases[i].line);
	}
	assert_true(host_fds_parse_unix(
	    STR("ffff888000000001: 00000002 00000000 00010000 0001 01 123 /run/a b"), &fd));
	check_str(fd.name, "/run/a b", "path");
	check_i64(fd.ino, 123, "inode");
	assert_true(host_fds_parse_unix(STR("0: 2 0 0 1 1 124"), &fd));
	check_str(fd.name, "", "no path");
	assert_false(host_fds_parse_unix(STR("Num RefCount"), &fd));
}

struct wanted {
	int file, listener, pipe_end;
	unsigned found;
};

static void look(void *context, const struct listed_fd *fd)
{
	struct wanted *w = context;

	if (fd->num == w->file) {
		check_i64(fd->type, LISTED_FD_FILE_V2, "a file");
		check_str(fd->name, "/proc/version", "its name");
		w->found++;
	} else if (fd->num == w->listener) {
		check_i64(fd->type, LISTED_FD_IPV4_SERVER, "a listening socket");
		check_i64(fd->l4proto, FD_L4_TCP, "its protocol");
		assert_true(fd->local_port);
		w->found++;
	} else if (fd->num == w->pipe_end) {
		check_i64(fd->type, LISTED_FD_FIFO, "a pipe");
		w->found++;
	}
}

static void our_own_descriptors_are_found(void **unused)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int proc = open("/proc", O_RDONLY | O_DIRECTORY), ends[2];
	struct host_fds *h = host_fds_new(proc);
	struct wanted w = {.file = open("/proc/version", O_RDONLY),
			   .listener = socket(AF_INET, SOCK_STREAM, 0)};

	(void)unused;
	assert_int_equal(pipe(ends), 0);
	w.pipe_end = ends[0];
	assert_int_equal(bind(w.listener, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(w.listener, 1), 0);
	assert_true(host_fds_visit(h, getpid(), look, &w) > 3);
	check_i64(w.found, 3, "descriptors");
	assert_true(host_fds_visit(h, 999999999, look, &w) < 0);
	host_fds_free(h);
	close(proc);
	close(w.file);
	close(w.listener);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_of_sockets_are_read),
	    cmocka_unit_test(our_own_descriptors_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
