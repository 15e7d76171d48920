/* SPDX-License-Identifier: Apache-2.0 */
#include "app/users_watch.h"

#include "base/log.h"

#include <stdio.h>
#include <sys/stat.h>

static bool has_changed(struct users_watch *w)
{
	static const char *const files[] = {"etc/passwd", "etc/group"};
	bool changed = false;

	for (int i = 0; i < 2; i++) {
		char path[512];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", w->host_root, files[i]);
		if (stat(path, &st) < 0)
			continue;
		if (st.st_mtim.tv_sec == w->changed[i].tv_sec &&
		    st.st_mtim.tv_nsec == w->changed[i].tv_nsec)
			continue;
		w->changed[i] = st.st_mtim;
		changed = true;
	}
	return changed;
}

bool users_watch_look(struct users_watch *w, struct state *state)
{
	struct error err;

	if (!has_changed(w))
		return false;
	if (user_table_read(state_users(state), w->host_root, &err) < 0)
		log_warning("users: %s", err.message);
	return true;
}
