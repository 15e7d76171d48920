/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/refusal.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The capabilities that the kernel asks for, of which CAP_SYS_ADMIN holds all. */
static bool has_capability(unsigned capability)
{
	CLEANUP_FCLOSE FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	while (status && fgets(line, sizeof(line), status)) {
		unsigned long long effective;
		if (sscanf(line, "CapEff: %llx", &effective) == 1)
			return effective >> capability & 1;
	}
	return false;
}

static bool is_locked_down(void)
{
	CLEANUP_FCLOSE FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char line[128] = "";
	return f && fgets(line, sizeof(line), f) && strstr(line, "[confidentiality]");
}

int probe_explain(int code, const char *what, struct buffer *said, struct error *err)
{
	struct utsname name = {0};
	unsigned major = 0, minor = 0;
	uname(&name);
	if (sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	    (major < 5 || (major == 5 && minor < 8)))
		return error_set(
		    err, code,
		    "the kernel is %s; the probe needs 5.8 or newer (ring buffers of eBPF)",
		    name.release);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return error_set(
		    err, code,
		    "the kernel offers no BTF (/sys/kernel/btf/vmlinux: %s); the probe needs "
		    "a kernel built with CONFIG_DEBUG_INFO_BTF=y, as distributions' are",
		    strerror(errno));
	if (code == -EPERM || code == -EACCES) {
		const char *missing = NULL;
		if (!has_capability(CAP_SYS_ADMIN)) {
			if (!has_capability(CAP_BPF))
				missing = "CAP_BPF";
			else if (!has_capability(CAP_PERFMON))
				missing = "CAP_PERFMON";
		}
		if (missing)
			return error_set(
			    err, code,
			    "%s: not permitted; the process lacks %s (run as root, or give it "
			    "CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN)",
			    what, missing);
		if (is_locked_down())
			return error_set(
			    err, code,
			    "%s: not permitted; the kernel is locked down "
			    "(confidentiality), which forbids eBPF to read kernel memory",
			    what);
	}
	/* The last lines tell most. */
	struct str text = buffer_str(said);
	if (text.n > 350) {
		text.p += text.n - 350;
		text.n = 350;
	}
	while (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	return error_set(err, code, "%s: %s%s%.*s", what, strerror(-code), text.n ? "; " : "",
			 (int)text.n, text.p);
}
