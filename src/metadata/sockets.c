/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata/sockets.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "state/user.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const usual[METADATA_ENGINES][5] = {
    [METADATA_DOCKER] = {"/var/run/docker.sock"},
    [METADATA_PODMAN] = {"/run/podman/podman.sock"},
    [METADATA_CONTAINERD] = {"/run/containerd/containerd.sock",
			     "/run/host-containerd/containerd.sock"},
    [METADATA_CRI] = {"/run/containerd/containerd.sock", "/run/crio/crio.sock",
		      "/run/k3s/containerd/containerd.sock",
		      "/run/host-containerd/containerd.sock"},
};

/* A walk through them. */
struct walk {
	const char *root;
	sockets_visit *visit;
	void *context;
	struct error *err;
	uint32_t uids[METADATA_USERS_MOST];
	size_t uid_count, left_out;
};

static int visit(struct walk *w, enum metadata_engine engine, const char *socket)
{
	char path[PATH_MAX];

	if (strncmp(socket, "unix://", 7) == 0)
		socket += 7;
	snprintf(path, sizeof(path), "%s%s", w->root, socket);
	return w->visit(w->context, engine, path, w->err);
}

static void add_uid(struct walk *w, uint32_t uid)
{
	for (size_t i = 0; i < w->uid_count; i++)
		if (w->uids[i] == uid)
			return;
	if (w->uid_count < METADATA_USERS_MOST)
		w->uids[w->uid_count++] = uid;
	else
		w->left_out++;
}

static void add_present(struct walk *w)
{
	char path[PATH_MAX];
	uint64_t uid;
	DIR *users;

	snprintf(path, sizeof(path), "%s/run/user", w->root);
	users = opendir(path);
	for (struct dirent *e; users && (e = readdir(users));)
		if (str_to_u64(str_from(e->d_name), &uid) && uid < UINT32_MAX)
			add_uid(w, (uint32_t)uid);
	if (users)
		closedir(users);
}

struct search {
	struct str name;
	uint32_t uid;
};

static void find_name(void *context, const struct user *u)
{
	struct search *s = context;

	if (str_equal(s->name, u->name))
		s->uid = u->uid;
}

/* "user:first:count", the user by name or by number: subuid(5) */
static void add_allowed(struct walk *w)
{
	CLEANUP_FCLOSE FILE *f = NULL;
	struct user_table *users;
	char path[PATH_MAX], line[512];

	snprintf(path, sizeof(path), "%s/etc/subuid", w->root);
	f = fopen(path, "re");
	if (!f)
		return;
	users = user_table_new();
	user_table_read(users, w->root, NULL);
	while (fgets(line, sizeof(line), f)) {
		struct str text = str_from(line);
		struct search s = {.name = str_slice(text, 0, str_find_byte(text, ':', 0)),
				   .uid = UINT32_MAX};
		uint64_t uid;

		if (!s.name.n || s.name.n == text.n)
			continue;
		if (str_to_u64(s.name, &uid) && uid < UINT32_MAX)
			s.uid = (uint32_t)uid;
		else
			user_table_each_user(users, find_name, &s);
		if (s.uid != UINT32_MAX)
			add_uid(w, s.uid);
	}
	user_table_free(users);
}

static int visit_users(struct walk *w)
{
	int status = 0;

	add_present(w);
	add_allowed(w);
	for (size_t i = 0; i < w->uid_count && status == 0; i++) {
		char socket[64];

		snprintf(socket, sizeof(socket), "/run/user/%u/podman/podman.sock", w->uids[i]);
		status = visit(w, METADATA_PODMAN, socket);
	}
	if (w->left_out)
		log_warning("containers: Podman of %zu users is not asked: there are too many; "
			    "those whose is can be named in engines.podman.sockets",
			    w->left_out);
	return status;
}

int sockets_each(const struct metadata_options *o, sockets_visit *visitor, void *context,
		 struct error *err)
{
	struct walk w = {
	    .root = o->host_root ? o->host_root : "",
	    .visit = visitor,
	    .context = context,
	    .err = err,
	};
	int status = 0;

	for (int e = 0; e < METADATA_ENGINES && status == 0; e++) {
		const struct metadata_engine_options *engine = &o->engines[e];

		if (engine->is_disabled)
			continue;
		for (size_t i = 0; i < engine->socket_count && status == 0; i++)
			status = visit(&w, e, engine->sockets[i]);
		if (engine->socket_count)
			continue;
		for (size_t i = 0; usual[e][i] && status == 0; i++)
			status = visit(&w, e, usual[e][i]);
		if (e == METADATA_PODMAN && status == 0)
			status = visit_users(&w);
	}
	return status;
}

static int look_for_others(void *context, enum metadata_engine engine, const char *socket,
			   struct error *err)
{
	bool *is_of_others = context;
	struct stat st;

	(void)engine;
	(void)err;
	*is_of_others |= stat(socket, &st) == 0 && st.st_uid != geteuid();
	return 0;
}

bool metadata_needs_override(const struct metadata_options *options)
{
	bool is_of_others = false;

	sockets_each(options, look_for_others, &is_of_others, NULL);
	return is_of_others;
}
