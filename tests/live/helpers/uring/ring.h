/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all operations of the helper stand on: the way they are to be done, the ring, and a small
 * vocabulary to say a call and its request with. Its globals are the one process' one task.
 */
#ifndef SAKER_TESTS_URING_H
#define SAKER_TESTS_URING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>

/* Younger than the headers that this may be built with. */
enum {
	OP_READ_MULTISHOT = 49,
	OP_FIXED_FD_INSTALL = 54,
	OP_FTRUNCATE = 55,
	OP_BIND = 56,
	OP_LISTEN = 57,
	OP_EPOLL_WAIT = 59,
	OP_READV_FIXED = 60,
	OP_PIPE = 62,
	SETUP_SINGLE_ISSUER = 1 << 12,
	SETUP_DEFER_TASKRUN = 1 << 13,
	SETUP_NO_SQARRAY = 1 << 16,
	OP_MSG_RING = 40,
	MSG_SEND_FD = 1,
	NOBODY = 65534,
	REQUEST_IS_QUIET = 1 << 6,
	FILE_ANY = ~0u,
	SOCKET_INQ = 0,
};

enum { NO_SUCH_THING = 3, BYTES = 64, QUEUED = 8 };

/* As uring.c says of each. */
struct way {
	bool is_plain, is_async, is_sqpoll, is_fixed, is_direct, is_deferred, is_quiet, is_full,
	    is_disabled, is_bare, is_linked, is_drained, is_borrowed, is_urgent;
};
extern struct way way;

struct ring {
	int fd;
	struct io_uring_params params;
	uint8_t *sq, *cq;
	struct io_uring_sqe *sqes;
};

extern struct ring ring;

extern const char *directory;
extern char bytes[BYTES];

/* Ends the program: errno says why. */
void give_up(const char *what);
/* The answer, which may not be negative. */
long must(long answer, const char *what);
/* In the directory; the memory is the program's until it ends. */
const char *path(const char *name);
/* A file of 16 bytes, open for reading and writing. */
int file(const char *name);

void ring_start(void);
void ring_push(const struct io_uring_sqe *sqe);
/* Submits so many, at most QUEUED; waits for so many completions to be there. */
void ring_enter_all(unsigned count, unsigned wait);
/* Submits one; waits for so many completions to be there. */
void ring_enter(unsigned wait);
/* The result of the next completion that is not of a request numbered 0. */
long ring_take(void);
void ring_register_files(const int *fds, unsigned count);
/* Submits it, on a registered file where the way is so, and does not wait. */
void ring_begin(struct io_uring_sqe *sqe);
/* The request as the way wants it; its descriptor is registered where it has one. */
long ring_request(struct io_uring_sqe sqe, bool has_fd);

/* What is done: the call, and the request. */
struct action {
	long nr;
	long arguments[6];
	bool has_fd;
	struct io_uring_sqe sqe;
};
long perform(const struct action *a);

#define P(pointer) ((long)(uintptr_t)(pointer))
#define DO(...) perform(&(struct action){__VA_ARGS__})

/* What can be asked for by its name; tables end with a name of NULL. */
struct operation {
	const char *name;
	long (*act)(void);
};
extern const struct operation file_operations[], socket_operations[], pipe_operations[],
    passed_operations[];

#endif
