/* SPDX-License-Identifier: Apache-2.0 */
#include "app/privileges.h"

#include "app/container_options.h"
#include "base/buffer.h"
#include "base/log.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { PRIVILEGED_PORTS = 1024 };

static bool has_probe(const struct privileges_options *o)
{
	return o->has_probe;
}

static bool always(const struct privileges_options *o)
{
	(void)o;
	return true;
}

static bool listens_below(const struct privileges_options *o)
{
	const struct config *c = o->config;

	return (c->webserver.enabled && c->webserver.listen_port < PRIVILEGED_PORTS) ||
	       c->sources & SOURCE_BIT(SOURCE_K8S_AUDIT);
}

/* Of a file that is to be made or appended to: whether its owner's rights are not ours. */
static bool is_of_others(const char *path)
{
	char directory[PATH_MAX];
	struct stat st;

	if (!path || !*path)
		return false;
	if (stat(path, &st) == 0)
		return st.st_uid != geteuid();
	if (snprintf(directory, sizeof(directory), "%s", path) >= (int)sizeof(directory))
		return false;
	return stat(dirname(directory), &st) == 0 && st.st_uid != geteuid();
}

/* Files, and the sockets of runtimes: to connect is to write. */
static bool writes_to_others(const struct privileges_options *o)
{
	CLEANUP_ARENA struct arena *arena = arena_new();
	struct container_options containers;

	if (o->has_probe && container_options(o->config, arena, &containers, NULL) == 0) {
		containers.metadata.host_root = getenv("HOST_ROOT");
		if (metadata_needs_override(&containers.metadata))
			return true;
	}
	for (size_t i = 0; i < o->write_count; i++)
		if (is_of_others(o->writes[i]))
			return true;
	return false;
}

/* Locked memory of maps counts against a limit on kernels before 5.11. */
static bool locks_memory(const struct privileges_options *o)
{
	struct utsname name;
	unsigned major = 0, minor = 0;

	uname(&name);
	return o->has_probe && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       (major < 5 || (major == 5 && minor < 11));
}

static const struct {
	unsigned capability;
	const char *name;
	bool (*is_needed)(const struct privileges_options *o);
} table[] = {
    {CAP_BPF, "bpf", has_probe},
    {CAP_PERFMON, "perfmon", has_probe},
    {CAP_SYS_PTRACE, "sys_ptrace", has_probe},
    {CAP_SYS_RESOURCE, "sys_resource", locks_memory},
    {CAP_DAC_READ_SEARCH, "dac_read_search", always},
    {CAP_DAC_OVERRIDE, "dac_override", writes_to_others},
    {CAP_NET_BIND_SERVICE, "net_bind_service", listens_below},
};

static int get_permitted(uint64_t *permitted)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

static int set_all(uint64_t capabilities)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct data[2] = {
	    {.effective = (uint32_t)capabilities, .permitted = (uint32_t)capabilities},
	    {.effective = (uint32_t)(capabilities >> 32),
	     .permitted = (uint32_t)(capabilities >> 32)},
	};

	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* Nobody gains anything, whatever is run. Without CAP_SETPCAP no_new_privs alone does that. */
static int close_ways_back(uint64_t kept)
{
	const unsigned bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
			      SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
			      SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
	uint64_t permitted = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (get_permitted(&permitted) < 0 || !(permitted >> CAP_SETPCAP & 1))
		return 0;
	for (unsigned capability = 0; capability <= CAP_LAST_CAP; capability++)
		if (!(kept >> capability & 1) && prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1 &&
		    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return -errno;
	return prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0 ? -errno : 0;
}

void privileges_drop(const struct privileges_options *options)
{
	uint64_t permitted = 0, kept = 0;
	char memory[256];
	struct buffer names = BUFFER(memory);
	int status = get_permitted(&permitted);

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (!(permitted >> table[i].capability & 1) || !table[i].is_needed(options))
			continue;
		kept |= UINT64_C(1) << table[i].capability;
		buffer_printf(&names, "%s%s", names.n ? ", " : "", table[i].name);
	}
	/* A kernel or container that has no CAP_BPF gives CAP_SYS_ADMIN for it. */
	if (options->has_probe && !(permitted >> CAP_BPF & 1)) {
		kept |= permitted & UINT64_C(1) << CAP_SYS_ADMIN;
		buffer_printf(&names, "%ssys_admin", names.n ? ", " : "");
	}
	if (status == 0 && !options->config->program_output.enabled)
		status = close_ways_back(kept);
	if (status == 0)
		status = set_all(kept);
	if (status < 0)
		log_warning("privileges: not all could be given up: %s", strerror(-status));
	else if (permitted)
		log_info("privileges: capabilities kept: %.*s%s", STR_ARG(buffer_str(&names)),
			 options->config->program_output.enabled
			     ? "; programs of program_output run with all that the service has"
			     : "");
}
