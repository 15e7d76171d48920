/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of calls that act on names rather than on descriptors (fs.path.*). Only calls that
 * succeeded have them.
 */
#include "fields/event_path.h"
#include "fields/extractors.h"
#include "fields/fd_text.h"

/* The parameters by name; "" is the descriptor's name. Of links the source is the link itself. */
static const struct paths {
	const char *event;
	const char *name;
	const char *source;
	const char *target;
} paths[] = {
    {"mkdir", "path", NULL, NULL},
    {"mkdirat", "path", NULL, NULL},
    {"rmdir", "path", NULL, NULL},
    {"unlink", "path", NULL, NULL},
    {"unlinkat", "name", NULL, NULL},
    {"open", "name", NULL, NULL},
    {"openat", "name", NULL, NULL},
    {"openat2", "name", NULL, NULL},
    {"fchmodat", "filename", NULL, NULL},
    {"chmod", "filename", NULL, NULL},
    {"fchmod", "", NULL, NULL},
    {"chown", "path", NULL, NULL},
    {"lchown", "path", NULL, NULL},
    {"fchown", "", NULL, NULL},
    {"fchownat", "pathname", NULL, NULL},
    {"quotactl", "special", NULL, NULL},
    {"umount", "name", NULL, NULL},
    {"umount2", "name", NULL, NULL},
    {"rename", NULL, "oldpath", "newpath"},
    {"renameat", NULL, "oldpath", "newpath"},
    {"renameat2", NULL, "oldpath", "newpath"},
    {"link", NULL, "newpath", "oldpath"},
    {"linkat", NULL, "newpath", "oldpath"},
    {"symlink", NULL, "linkpath", "target"},
    {"symlinkat", NULL, "linkpath", "target"},
    {"mount", NULL, "dev", "dir"},
    /* Calls that have no event of their own. */
    {"truncate", "path", NULL, NULL},
    {"ftruncate", "", NULL, NULL},
    {"fallocate", "", NULL, NULL},
    {"utime", "path", NULL, NULL},
    {"utimes", "path", NULL, NULL},
    {"futimesat", "path", NULL, NULL},
    {"utimensat", "path", NULL, NULL},
    {"fchmodat2", "path", NULL, NULL},
    {"statx", "path", NULL, NULL},
    {"statfs", "path", NULL, NULL},
    {"fstatfs", "", NULL, NULL},
    {"faccessat", "path", NULL, NULL},
    {"faccessat2", "path", NULL, NULL},
    {"readlink", "path", NULL, NULL},
    {"readlinkat", "path", NULL, NULL},
    {"setxattr", "path", NULL, NULL},
    {"lsetxattr", "path", NULL, NULL},
    {"fsetxattr", "", NULL, NULL},
    {"setxattrat", "path", NULL, NULL},
    {"getxattr", "path", NULL, NULL},
    {"lgetxattr", "path", NULL, NULL},
    {"fgetxattr", "", NULL, NULL},
    {"getxattrat", "path", NULL, NULL},
    {"listxattr", "path", NULL, NULL},
    {"llistxattr", "path", NULL, NULL},
    {"flistxattr", "", NULL, NULL},
    {"listxattrat", "path", NULL, NULL},
    {"removexattr", "path", NULL, NULL},
    {"lremovexattr", "path", NULL, NULL},
    {"fremovexattr", "", NULL, NULL},
    {"removexattrat", "path", NULL, NULL},
    {"file_getattr", "path", NULL, NULL},
    {"file_setattr", "path", NULL, NULL},
    {"name_to_handle_at", "path", NULL, NULL},
    {"open_tree", "path", NULL, NULL},
    {"open_tree_attr", "path", NULL, NULL},
    {"fspick", "path", NULL, NULL},
    {"mount_setattr", "path", NULL, NULL},
    {"swapon", "path", NULL, NULL},
    {"swapoff", "path", NULL, NULL},
    {"acct", "path", NULL, NULL},
    {"uselib", "path", NULL, NULL},
    {"inotify_add_watch", "path", NULL, NULL},
    {"fanotify_mark", "path", NULL, NULL},
    {"move_mount", NULL, "from_path", "to_path"},
    {"pivot_root", NULL, "newroot", "putold"},
};

static const char *param_name(const struct event *e, enum fs_path_value which)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (strcmp(paths[i].event, e->schema->name) != 0)
			continue;
		switch (which) {
		case FS_PATH_SOURCE:
		case FS_PATH_SOURCERAW:
			return paths[i].source;
		case FS_PATH_TARGET:
		case FS_PATH_TARGETRAW:
			return paths[i].target;
		default:
			return paths[i].name;
		}
	}
	return NULL;
}

/*
 * Calls that answered 0; and opens, for which only a descriptor of -1 counts as failed. Some of
 * those without an event of their own answer a size or a descriptor.
 */
static bool is_done(const struct event *e)
{
	int64_t res;

	if (!event_result(e, &res))
		return false;
	if (e->schema->code == 1)
		return res >= 0;
	return e->schema->flags & EVENT_CREATES_FD ? res != -1 : res == 0;
}

bool field_fs_path(struct field_context *ctx, const struct field_use *use, struct value *out)
{
	const struct event *e = ctx->event;
	enum fs_path_value which = use->field->selector;
	const char *param = param_name(e, which);
	struct str name, path;
	int index;

	if (!param || !is_done(e))
		return false;
	if (param[0] == '\0') {
		enum name_view view = which == FS_PATH_NAME_RESOLVED ? NAME_RESOLVED : e->name_view;

		if (!fd_is_known(&e->fd) || !fd_name_view(&e->fd, view, &name))
			return false;
		*out = value_str(name);
		return true;
	}
	index = event_schema_param(e->schema, str_from(param));
	if (index < 0 || !event_param_str(e, (unsigned)index, &name))
		return false;
	switch (which) {
	case FS_PATH_NAMERAW:
	case FS_PATH_SOURCERAW:
	case FS_PATH_TARGETRAW:
		path = name;
		break;
	case FS_PATH_NAME_RESOLVED:
		if (!event_path_resolved(e, (unsigned)index, &path))
			return false;
		break;
	default:
		if (event_path_instead(e, (unsigned)index, &path))
			break;
		if (!event_path_join(ctx, (unsigned)index, name, &path))
			return false;
		break;
	}
	*out = value_str(path);
	return true;
}
