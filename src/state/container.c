/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's cgroup carries its id in one component of the path. Each component is judged by
 * itself and by its neighbours, from the last to the first, so that what a container makes below
 * its own cgroup (init.scope, a container in a container) is seen from the inside.
 */
#include "state/container.h"

#include <ctype.h>

enum {
	ID_SIZE = 64,        /* of the ids that OCI engines make up: hexadecimal digits */
	ID_SHOWN = 12,       /* what container.id shows of them */
	COMPONENTS_MAX = 64, /* deeper paths are judged by their last components */
};

static const char *const type_names[] = {
    [CONTAINER_NONE] = "host",
    [CONTAINER_DOCKER] = "docker",
    [CONTAINER_CONTAINERD] = "containerd",
    [CONTAINER_CRIO] = "cri-o",
    [CONTAINER_CRI] = "cri",
    [CONTAINER_PODMAN] = "podman",
    [CONTAINER_LXC] = "lxc",
    [CONTAINER_LIBVIRT_LXC] = "libvirt-lxc",
    [CONTAINER_BPM] = "bpm",
    [CONTAINER_NSPAWN] = "systemd-nspawn",
    [CONTAINER_STATIC] = "static",
    [CONTAINER_RUNC] = "runc",
};

const char *container_type_name(enum container_type type)
{
	return type_names[type];
}

/* Components that are a prefix, a 64-digit id and a suffix. Any that fit a row are containers. */
static const struct {
	struct str prefix, suffix;
	enum container_type type;
} id_forms[] = {
    {{"docker-", 7}, {".scope", 6}, CONTAINER_DOCKER},
    {{"cri-containerd-", 15}, {".scope", 6}, CONTAINER_CONTAINERD},
    {{"nerdctl-", 8}, {".scope", 6}, CONTAINER_CONTAINERD},
    {{"crio-", 5}, {".scope", 6}, CONTAINER_CRIO},
    {{"crio-", 5}, {"", 0}, CONTAINER_CRIO},
    {{"libpod-", 7}, {".scope", 6}, CONTAINER_PODMAN},
    {{"libpod-", 7}, {"", 0}, CONTAINER_PODMAN},
    {{"runc-", 5}, {".scope", 6}, CONTAINER_RUNC},
};

/* What a bare 64-digit component is, by a component somewhere before it; the first row wins. */
static const struct {
	const char *prefix;
	enum container_type type;
} parents[] = {
    {"kubepods", CONTAINER_CRI},       {"docker", CONTAINER_DOCKER},
    {"ecs", CONTAINER_DOCKER},         {"actions_job", CONTAINER_DOCKER},
    {"libpod", CONTAINER_PODMAN},      {"podman", CONTAINER_PODMAN},
    {"garden", CONTAINER_RUNC},        {"k8s.io", CONTAINER_CONTAINERD},
    {"default", CONTAINER_CONTAINERD}, {"moby", CONTAINER_DOCKER},
};

struct path {
	struct str components[COMPONENTS_MAX];
	size_t count;
};

static void split(struct str path, struct path *out)
{
	size_t skip = 0;

	out->count = 0;
	for (size_t at = 0; at < path.n; at++)
		skip += path.p[at] != '/' && (at == 0 || path.p[at - 1] == '/');
	skip = skip > COMPONENTS_MAX ? skip - COMPONENTS_MAX : 0;
	for (size_t at = 0; at < path.n;) {
		size_t end = str_find_byte(path, '/', at);

		if (end > at && skip)
			skip--;
		else if (end > at && out->count < COMPONENTS_MAX)
			out->components[out->count++] = str_slice(path, at, end);
		at = end + 1;
	}
}

static bool is_id(struct str s)
{
	if (s.n != ID_SIZE)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!isxdigit((unsigned char)s.p[i]))
			return false;
	return true;
}

/* The rest of s between a prefix and a suffix; empty where s has not both and something between. */
static struct str between(struct str s, struct str prefix, struct str suffix)
{
	if (s.n <= prefix.n + suffix.n || !str_starts_with(s, prefix) || !str_ends_with(s, suffix))
		return (struct str){s.p, 0};
	return str_slice(s, prefix.n, s.n - suffix.n);
}

static size_t find(struct str s, struct str part)
{
	const char *at = s.n ? memmem(s.p, s.n, part.p, part.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

static bool has_component(const struct path *path, size_t before, const char *prefix)
{
	for (size_t i = 0; i < before; i++)
		if (str_starts_with(path->components[i], str_from(prefix)))
			return true;
	return false;
}

static enum container_type type_of_bare_id(const struct path *path, size_t at)
{
	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++)
		if (has_component(path, at, parents[i].prefix))
			return parents[i].type;
	return CONTAINER_RUNC;
}

static bool set(struct container *out, enum container_type type, struct str id, size_t shown)
{
	*out = (struct container){
	    .type = type, .full_id = id, .id = str_slice(id, 0, shown ? shown : id.n)};
	return id.n > 0;
}

static bool match_id(const struct path *path, size_t at, struct container *out)
{
	struct str c = path->components[at];

	if (is_id(c))
		return set(out, type_of_bare_id(path, at), c, ID_SHOWN);
	for (size_t i = 0; i < sizeof(id_forms) / sizeof(id_forms[0]); i++) {
		struct str id = between(c, id_forms[i].prefix, id_forms[i].suffix);

		if (is_id(id))
			return set(out, id_forms[i].type, id, ID_SHOWN);
	}
	/* containerd given a systemd path while it drives cgroupfs: "SLICE:cri-containerd:ID" */
	static const struct str marks[] = {{":cri-containerd:", 16}, {":crio:", 6}};
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		struct str id = str_slice(c, find(c, marks[i]) + marks[i].n, c.n);

		if (is_id(id))
			return set(out, i ? CONTAINER_CRIO : CONTAINER_CONTAINERD, id, ID_SHOWN);
	}
	return false;
}

static bool match_lxc(const struct path *path, size_t at, struct container *out)
{
	struct str c = path->components[at];
	struct str parent = at ? path->components[at - 1] : STR("");
	struct str name = between(c, STR("lxc.payload."), STR(""));

	if (name.n)
		return set(out, CONTAINER_LXC, name, 0);
	if (str_equal(parent, STR("lxc.payload")))
		return set(out, CONTAINER_LXC, c, 0);
	if (!str_equal(parent, STR("lxc")))
		return false;
	bool is_libvirt = at >= 2 && str_equal(path->components[at - 2], STR("libvirt"));
	return set(out, is_libvirt ? CONTAINER_LIBVIRT_LXC : CONTAINER_LXC, c, 0);
}

/* Units of machine.slice; "\x2d" is how systemd writes a dash inside a name. */
static bool match_machine(const struct path *path, size_t at, struct container *out)
{
	struct str c = path->components[at];
	struct str next = at + 1 < path->count ? path->components[at + 1] : STR("");
	struct str name = between(c, STR("machine-lxc\\x2d"), STR(".scope"));

	if (!name.n)
		name = between(c, STR(""), STR(".libvirt-lxc"));
	if (name.n)
		return set(out, CONTAINER_LIBVIRT_LXC, name, 0);

	name = between(c, STR("systemd-nspawn@"), STR(".service"));
	/* The supervisor is a process of the host. */
	if (name.n)
		return !str_equal(next, STR("supervisor")) && set(out, CONTAINER_NSPAWN, name, 0);
	name = between(c, STR("machine-"), STR(".scope"));
	if (name.n && !str_starts_with(name, STR("qemu\\x2d")) &&
	    !str_equal(next, STR("supervisor")))
		return set(out, CONTAINER_NSPAWN, name, 0);
	return false;
}

/* Bosh's process manager: /bpm-NAME, /system.slice/runc-bpm-NAME.scope */
static bool match_bpm(struct str c, struct container *out)
{
	struct str name = between(c, STR("runc-bpm-"), STR(".scope"));

	if (!name.n)
		name = between(c, STR("bpm-"), STR(".scope"));
	if (!name.n)
		name = between(c, STR("bpm-"), STR(""));
	for (size_t i = 0; i < name.n; i++)
		if (!isalnum((unsigned char)name.p[i]) && !strchr("._-", name.p[i]))
			return false;
	return name.n && set(out, CONTAINER_BPM, name, 0);
}

static bool match_runc_scope(struct str c, struct container *out)
{
	struct str name = between(c, STR("runc-"), STR(".scope"));

	return name.n && set(out, CONTAINER_RUNC, name, name.n < ID_SIZE ? 0 : ID_SHOWN);
}

static bool is_unit(struct str c)
{
	return str_ends_with(c, STR(".slice")) || str_ends_with(c, STR(".scope")) ||
	       str_ends_with(c, STR(".service")) || str_ends_with(c, STR(".mount")) ||
	       str_ends_with(c, STR(".socket")) || str_ends_with(c, STR(".swap"));
}

/*
 * Containers that containerd's own tools start with a name of the user's choice live in
 * /NAMESPACE/NAME; nothing but that form and the names of others tells them.
 */
static bool match_containerd_namespace(const struct path *path, struct container *out)
{
	static const char *const others[] = {
	    "kubepods",    "docker",      "libpod_parent", "lxc",    "lxc.monitor", "lxc.pivot",
	    "lxc.payload", "libvirt",     "machine",       "user",   "system",      "systemd",
	    "..",          "actions_job", "ecs",           "podman", "buildkit",    "sys",
	    "cgroup"};
	struct str name = path->count == 2 ? path->components[1] : STR("");

	if (!name.n || name.n > ID_SIZE || is_unit(name) || is_unit(path->components[0]))
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (str_equal_c(path->components[0], others[i]))
			return false;
	for (size_t i = 0; i < path->components[0].n; i++) {
		char ch = path->components[0].p[i];

		if (!isalnum((unsigned char)ch) && !strchr("._-", ch))
			return false;
	}
	return set(out, CONTAINER_CONTAINERD, name, ID_SHOWN);
}

enum { UUID_SIZE = 36, HASH_SIZE = 32 };

/* How many bytes at the start of s are a pod's uid, or, of a static pod, the hash of its file. */
static size_t uid_size(struct str s)
{
	size_t n = 0;

	while (n < s.n && n < UUID_SIZE &&
	       (n == 8 || n == 13 || n == 18 || n == 23 ? s.p[n] == '-' || s.p[n] == '_'
							: isxdigit((unsigned char)s.p[n])))
		n++;
	if (n == UUID_SIZE)
		return n;
	for (n = 0; n < s.n && isxdigit((unsigned char)s.p[n]);)
		n++;
	return n == HASH_SIZE ? n : 0;
}

/*
 * The pod that a path leads through, such as "kubepods-burstable-pod3d1c5c2f_9a5b_..._8f5a37b2f0a1
 * .slice": the outermost, which the node's own kubelet made. What a container makes below its own
 * cgroup may have any name.
 */
static struct str pod_uid(struct str path)
{
	static const struct str mark = {"pod", 3};
	struct str rest = path;

	for (size_t at; (at = find(rest, mark)) < rest.n;) {
		size_t n;

		rest = str_slice(rest, at + mark.n, rest.n);
		n = uid_size(rest);
		if (n && (n == rest.n || strchr("./:", rest.p[n])))
			return str_slice(rest, 0, n);
	}
	return (struct str){path.p, 0};
}

static bool from_path(struct str text, const struct path *path, struct container *out)
{
	const char *end;

	for (size_t at = path->count; at-- > 0;)
		if (match_id(path, at, out) || match_lxc(path, at, out) ||
		    match_machine(path, at, out) || match_bpm(path->components[at], out) ||
		    match_runc_scope(path->components[at], out)) {
			end = path->components[at].p + path->components[at].n;
			out->pod_uid = pod_uid((struct str){text.p, (size_t)(end - text.p)});
			return true;
		}
	return false;
}

/* Cuts the first path off a list of "subsystem=path\0" or paths. */
static struct str next_path(struct str *cgroups)
{
	size_t end = str_find_byte(*cgroups, '\0', 0);
	struct str entry = str_slice(*cgroups, 0, end);

	*cgroups = str_slice(*cgroups, end + 1, cgroups->n);
	if (entry.n && entry.p[0] != '/')
		return str_slice(entry, str_find_byte(entry, '=', 0) + 1, entry.n);
	return entry;
}

/* A limit that somebody set on one of several hierarchies is no container. */
static bool is_in_one_of_many(struct str cgroups, struct str path)
{
	size_t same = 0;
	size_t all = 0;

	while (cgroups.n && same < 2) {
		same += str_equal(next_path(&cgroups), path);
		all++;
	}
	return same < 2 && all > 1;
}

bool container_from_cgroups(struct str cgroups, struct container *out)
{
	struct path path;
	struct str last = {NULL, 0};
	bool is_guessed = false;

	*out = (struct container){.type = CONTAINER_NONE};
	for (struct str rest = cgroups; rest.n;) {
		struct str text = next_path(&rest);

		/* Most hierarchies have the same path; judge it once. */
		if (text.n <= 1 || str_equal(text, last))
			continue;
		last = text;
		split(text, &path);
		if (from_path(text, &path, out))
			return true;
		if (!is_guessed && match_containerd_namespace(&path, out)) {
			if (!is_in_one_of_many(cgroups, text))
				return true;
			is_guessed = true;
		}
	}
	*out = (struct container){.type = CONTAINER_NONE};
	return false;
}
