/* SPDX-License-Identifier: Apache-2.0 */
/* The syslog output against sockets that stand for journald's and syslogd's. */
#include "output/system_log.h"
#include "outputs_unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

static int listen_at(const char *path, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	unlink(path);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static struct outputs_options syslog_options(const char *journal, const char *socket)
{
	return (struct outputs_options){
	    .timeout_ms = 300,
	    .syslog = {.is_enabled = true, .journal_socket = journal, .socket = socket}};
}

static char datagram[300000];

/* The next datagram, or the file that came with it. */
static struct str receive(int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {datagram, sizeof(datagram)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	int file;

	if (n < 0)
		fail_msg("nothing came: %s", strerror(errno));
	if (n == 0 && c && c->cmsg_type == SCM_RIGHTS) {
		memcpy(&file, CMSG_DATA(c), sizeof(file));
		check_i64(fcntl(file, F_GET_SEALS),
			  F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, "seals");
		n = pread(file, datagram, sizeof(datagram), 0);
		close(file);
	}
	return (struct str){datagram, (size_t)n};
}

static void priorities_are_syslogs(void **state)
{
	const char *path = in_directory("log");
	struct outputs_options options = syslog_options(in_directory("none"), path);
	int fd = listen_at(path, SOCK_DGRAM);
	struct outputs *o = outputs_or_fail(&options);
	char start[8], end[64];
	(void)state;

	for (int i = 0; i < SEVERITY_COUNT; i++) {
		struct str got;

		send_text(o, (enum severity)i, "an alert");
		got = receive(fd);
		sprintf(start, "<%d>", 3 * 8 + i);
		sprintf(end, " saker[%d]: an alert", (int)getpid());
		if (!str_starts_with(got, str_from(start)) || !str_ends_with(got, str_from(end)))
			fail_msg("got \"%.*s\"", STR_ARG(got));
		/* "Nov 25 02:30:55": as syslogd parses it. */
		check_i64(got.n, strlen(start) + 15 + strlen(end), "length");
	}
	outputs_drain(o, PATIENCE_MS);
	check_i64(counters_of(o).sent, SEVERITY_COUNT, "sent");
	outputs_free(o);
	close(fd);
}

static void journald_gets_fields(void **state)
{
	const char *path = in_directory("journal");
	struct outputs_options options = syslog_options(path, in_directory("none"));
	int fd = listen_at(path, SOCK_DGRAM);
	struct outputs *o = outputs_or_fail(&options);
	char want[256];
	(void)state;

	send_text(o, SEVERITY_CRITICAL, "a=b \"c\"");
	sprintf(want,
		"MESSAGE=a=b \"c\"\nPRIORITY=2\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=saker\n"
		"SYSLOG_PID=%d\nRULE=Some rule\nSOURCE=syscall\nTAGS=host\nTAGS=T1036\n",
		(int)getpid());
	check_str(receive(fd), want, "entry");
	outputs_free(o);
	close(fd);
}

static void a_name_with_a_line_end_makes_no_field_of_its_own(void **state)
{
	const char *path = in_directory("journal");
	struct outputs_options options = syslog_options(path, in_directory("none"));
	int fd = listen_at(path, SOCK_DGRAM);
	struct outputs *o = outputs_or_fail(&options);
	struct alert alert = {.line = STR("x"), .rule = STR("a\nPRIORITY=7")};
	struct str got;
	(void)state;

	outputs_send(o, &alert);
	got = receive(fd);
	assert_non_null(memmem(got.p, got.n, "\nRULE\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=7\n", 27));
	outputs_free(o);
	close(fd);
}

static void long_alerts_come_whole_to_journald_and_cut_to_syslogd(void **state)
{
	const char *journal = in_directory("journal"), *socket = in_directory("log");
	static char text[250000];
	(void)state;

	memset(text, 'x', sizeof(text) - 1);
	for (int is_journal = 0; is_journal < 2; is_journal++) {
		struct outputs_options options =
		    syslog_options(is_journal ? journal : in_directory("none"), socket);
		int fd = listen_at(is_journal ? journal : socket, SOCK_DGRAM);
		struct outputs *o = outputs_or_fail(&options);
		struct str got;

		send_text(o, SEVERITY_WARNING, text);
		got = receive(fd);
		assert_true(got.n > 50000);
		if (is_journal)
			assert_memory_equal(got.p + 8, text, sizeof(text) - 1);
		outputs_drain(o, PATIENCE_MS);
		check_i64(counters_of(o).sent, 1, "sent");
		outputs_free(o);
		close(fd);
	}
}

static void a_log_of_streams_is_written_to_as_well(void **state)
{
	const char *path = in_directory("stream");
	struct outputs_options options = syslog_options(in_directory("none"), path);
	int fd = listen_at(path, SOCK_STREAM), client;
	struct outputs *o = outputs_or_fail(&options);
	size_t n = 0;
	(void)state;

	send_text(o, SEVERITY_WARNING, "one");
	send_text(o, SEVERITY_WARNING, "two");
	client = accept(fd, NULL, NULL);
	assert_true(client >= 0);
	for (unsigned ends = 0; ends < 2; n++) {
		assert_int_equal(read(client, datagram + n, 1), 1);
		ends += datagram[n] == '\0';
	}
	assert_true(str_ends_with(str_from(datagram), STR("]: one")));
	assert_true(str_ends_with(str_from(datagram + strlen(datagram) + 1), STR("]: two")));
	outputs_free(o);
	close(client);
	close(fd);
}

static void a_log_that_is_started_anew_is_found_again(void **state)
{
	const char *path = in_directory("log");
	struct outputs_options options = syslog_options(in_directory("none"), path);
	int fd = listen_at(path, SOCK_DGRAM);
	struct outputs *o = outputs_or_fail(&options);
	(void)state;

	send_text(o, SEVERITY_WARNING, "to the first");
	receive(fd);
	close(fd);
	fd = listen_at(path, SOCK_DGRAM);
	send_text(o, SEVERITY_WARNING, "to the second");
	assert_true(str_ends_with(receive(fd), STR("]: to the second")));
	outputs_drain(o, PATIENCE_MS);
	check_i64(counters_of(o).sent, 2, "sent");
	outputs_free(o);
	close(fd);
}

static void where_no_log_is_nothing_is_waited_for(void **state)
{
	struct outputs_options options =
	    syslog_options(in_directory("none"), in_directory("neither"));
	struct outputs *o;
	int64_t start = worker_now();
	(void)state;

	options.timeout_ms = PATIENCE_MS;
	o = outputs_or_fail(&options);
	for (int i = 0; i < 100; i++)
		send_text(o, SEVERITY_WARNING, "lost");
	outputs_drain(o, PATIENCE_MS);
	check_i64(counters_of(o).failed, 100, "failed");
	assert_true(worker_now() - start < PATIENCE_MS * INT64_C(500000));
	outputs_free(o);
}

static void a_log_that_has_stopped_reading_is_given_up(void **state)
{
	const char *path = in_directory("log"), *file = in_directory("beside");
	struct outputs_options options = syslog_options(in_directory("none"), path);
	struct channel_counters counters[2];
	int fd = listen_at(path, SOCK_DGRAM);
	struct outputs *o;
	(void)state;

	options.timeout_ms = 100;
	options.file.is_enabled = true;
	options.file.path = file;
	o = outputs_or_fail(&options);
	for (int i = 0; i < 2000; i++)
		send_text(o, SEVERITY_WARNING, "line");
	/* The file has all of them long before the log has given up the first. */
	WAIT_UNTIL((outputs_counters(o, counters, 2), counters[0].sent == 2000));
	WAIT_UNTIL((outputs_counters(o, counters, 2), counters[1].failed >= 2));
	outputs_drain(o, 200);
	outputs_counters(o, counters, 2);
	check_i64(counters[1].sent + counters[1].failed, 2000, "all are counted");
	outputs_free(o);
	close(fd);
}

static void messages_of_the_program_wait_for_nobody(void **state)
{
	const char *path = in_directory("log");
	int fd, status = 0, sent = 0;
	(void)state;

	assert_int_equal(system_log_send(in_directory("none"), SEVERITY_ERROR, STR("x")), -ENOENT);
	fd = listen_at(path, SOCK_DGRAM);
	while (sent < 10000 && (status = system_log_send(path, SEVERITY_ERROR, STR("y"))) == 0)
		sent++;
	check_i64(status, -EAGAIN, "full");
	assert_true(sent > 0);
	assert_true(str_ends_with(receive(fd), STR("]: y")));
	assert_int_equal(system_log_send(path, SEVERITY_ERROR, STR("z")), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(priorities_are_syslogs),
	    cmocka_unit_test(journald_gets_fields),
	    cmocka_unit_test(a_name_with_a_line_end_makes_no_field_of_its_own),
	    cmocka_unit_test(long_alerts_come_whole_to_journald_and_cut_to_syslogd),
	    cmocka_unit_test(a_log_of_streams_is_written_to_as_well),
	    cmocka_unit_test(a_log_that_is_started_anew_is_found_again),
	    cmocka_unit_test(where_no_log_is_nothing_is_waited_for),
	    cmocka_unit_test(messages_of_the_program_wait_for_nobody),
	    cmocka_unit_test(a_log_that_has_stopped_reading_is_given_up),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
