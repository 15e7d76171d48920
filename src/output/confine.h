/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Confines a thread that handles what others chose (names in alerts, answers of servers): what no
 * output needs is refused to it by the kernel (seccomp), and so to threads that it starts:
 * programs, other processes' memory, the kernel's configuration, namespaces, ids.
 */
#ifndef SAKER_OUTPUT_CONFINE_H
#define SAKER_OUTPUT_CONFINE_H

/* Of the calling thread, for good. 0 or a negative errno; without seccomp in the kernel -ENOSYS. */
int confine_thread(void);

#endif
