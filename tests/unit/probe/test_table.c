/* SPDX-License-Identifier: Apache-2.0 */
/* The collection table makes of each call the event that the schema describes. */
#include "event/schema.h"
#include "probe/shared.h"

#include "../unit.h"

#include "collect_table.h"

enum { VARIABLE = 0, UNKNOWN = -1 };

/* Bytes of a parameter by its schema type; VARIABLE for those of any length. */
static int type_size(enum param_type type)
{
	switch (type) {
	case PARAM_INT8:
	case PARAM_UINT8:
	case PARAM_FLAGS8:
	case PARAM_ENUMFLAGS8:
	case PARAM_SIGTYPE:
		return 1;
	case PARAM_INT16:
	case PARAM_UINT16:
	case PARAM_FLAGS16:
	case PARAM_ENUMFLAGS16:
	case PARAM_SYSCALLID:
		return 2;
	case PARAM_INT32:
	case PARAM_UINT32:
	case PARAM_FLAGS32:
	case PARAM_ENUMFLAGS32:
	case PARAM_UID:
	case PARAM_GID:
	case PARAM_MODE:
	case PARAM_SIGSET:
		return 4;
	case PARAM_INT64:
	case PARAM_UINT64:
	case PARAM_ERRNO:
	case PARAM_FD:
	case PARAM_PID:
	case PARAM_RELTIME:
	case PARAM_ABSTIME:
		return 8;
	case PARAM_CHARBUF:
	case PARAM_BYTEBUF:
	case PARAM_FSPATH:
	case PARAM_FSRELPATH:
	case PARAM_SOCKADDR:
	case PARAM_SOCKTUPLE:
	case PARAM_DYN:
	case PARAM_FDLIST:
		return VARIABLE;
	default:
		return UNKNOWN;
	}
}

static int quota_size(uint8_t which)
{
	switch (which) {
	case QUOTA_FILE:
		return VARIABLE;
	case QUOTA_INFO_FLAGS:
	case QUOTA_FORMAT_OUT:
	case QUOTA_TYPE:
	case QUOTA_FORMAT:
		return 1;
	case QUOTA_COMMAND:
		return 2;
	case QUOTA_ID:
		return 4;
	default:
		return 8;
	}
}

/* Bytes that a parameter's kind of collection writes. */
static int collected_size(const struct collect_param *param)
{
	switch (param->kind) {
	case KIND_QUOTA:
		return quota_size(param->aux);
	case KIND_U8:
	case KIND_FLAGS8:
	case KIND_QUEUE_PCT:
	case KIND_SOCKOPT_NAME:
		return 1;
	case KIND_U16:
	case KIND_FLAGS16:
	case KIND_SCAP_NR:
	case KIND_NATIVE_NR:
	case KIND_CREAT_FLAGS:
	case KIND_SEMBUF:
		return 2;
	case KIND_U32:
	case KIND_FLAGS32:
	case KIND_OPEN_FLAGS:
	case KIND_OPEN_MODE:
	case KIND_CREAT_MODE:
	case KIND_DEV:
	case KIND_DEV_ARG:
	case KIND_USER_U32:
	case KIND_IOV_SIZE:
	case KIND_MSG_SIZE:
	case KIND_RET_SIZE:
	case KIND_QUEUE_LEN:
	case KIND_QUEUE_MAX:
	case KIND_MOUNT_FLAGS:
	case KIND_VM_SIZE:
	case KIND_VM_RSS:
	case KIND_VM_SWAP:
	case KIND_SETVAL:
		return 4;
	case KIND_S32:
	case KIND_U64:
	case KIND_INO:
	case KIND_FD_INO:
	case KIND_TIME:
	case KIND_USER_U64:
	case KIND_SOCK_SELF:
	case KIND_SOCK_PEER:
	case KIND_PRCTL_INT:
	case KIND_CAPS:
	case KIND_OLD_LIMIT:
	case KIND_HALVES:
		return 8;
	default:
		return VARIABLE;
	}
}

static const struct event_schema *schema_of(const struct collect_row *row,
					    const struct syscall_schema *call)
{
	return row->code == 1 && row->nparams > 2 ? event_schema_of_generic(call->kind)
						  : event_schema_get(row->code);
}

static void every_row_fills_its_event(void **state)
{
	(void)state;
	for (uint16_t nr = 0; nr < PROBE_SYSCALLS; nr++) {
		const struct collect_row *row = &collect_rows[nr];
		const struct syscall_schema *call = syscall_schema_get(nr);
		if (row->flags & ROW_UNUSED) {
			if (call)
				fail_msg("call %s has no row", call->name);
			continue;
		}
		if (!call)
			fail_msg("row %u is of no call", nr);
		const struct event_schema *event = schema_of(row, call);
		if (!event)
			fail_msg("%s: no event has code %u", call->name, row->code);
		if (row->code != 1)
			check_i64(row->code, call->code, call->name);
		check_i64(row->scap_nr, call->scap_nr, call->name);
		if (row->family == FAMILY_FORK || row->family == FAMILY_EXEC)
			continue;
		check_i64(row->nparams, event->nparams, call->name);
		for (unsigned i = 0; i < row->nparams; i++)
			check_i64(collected_size(&row->params[i]), type_size(event->params[i].type),
				  event->params[i].name);
	}
}

static void families_know_their_kinds(void **state)
{
	(void)state;
	for (unsigned nr = 0; nr < PROBE_SYSCALLS; nr++)
		for (unsigned i = 0; i < collect_rows[nr].nparams; i++) {
			uint8_t kind = collect_rows[nr].params[i].kind;
			uint8_t family = collect_rows[nr].family;
			bool fits =
			    kind < KIND_PLAIN_END ||
			    (kind < KIND_NET_END ? family == FAMILY_NET || family == FAMILY_MESSAGES
						 : family == FAMILY_MISC);
			if (!fits)
				fail_msg("row %u, parameter %u: family %u has no kind %u", nr, i,
					 family, kind);
		}
}

static void paths_and_descriptors_are_parameters_of_that_type(void **state)
{
	(void)state;
	for (uint16_t nr = 0; nr < PROBE_SYSCALLS; nr++) {
		const struct collect_row *row = &collect_rows[nr];
		if (row->flags & ROW_UNUSED)
			continue;
		const char *name = syscall_schema_get(nr)->name;
		const struct event_schema *event = schema_of(row, syscall_schema_get(nr));
		for (int k = 0; k < 2; k++) {
			uint8_t param = row->path_param[k];
			if (param == COLLECT_NONE)
				continue;
			int dirfd = event->params[param].dirfd;
			if (event->params[param].type == PARAM_FSRELPATH)
				check_i64(row->params[dirfd].src, row->path_dir[k], name);
			else
				check_i64(row->path_dir[k], COLLECT_NONE, name);
		}
		const uint8_t fds[] = {row->fd_param, row->fd2_param};
		for (int k = 0; k < 2; k++) {
			if (fds[k] == COLLECT_NONE)
				continue;
			enum param_type type = event->params[fds[k]].type;
			if (type != PARAM_FD && type != PARAM_ERRNO)
				fail_msg("%s: parameter %u is no descriptor", name, fds[k]);
		}
	}
}

static void events_that_no_row_makes_have_their_codes(void **state)
{
	static const struct {
		uint16_t code;
		const char *name;
		uint8_t nparams; /* that are filled: execveat leaves out the last */
	} cases[] = {
	    {CODE_SWITCH, "switch", SWITCH_PARAMS},
	    {CODE_PROCEXIT, "procexit", EXIT_PARAMS},
	    {CODE_CLONE, "clone", CLONE_PARAMS},
	    {CODE_FORK, "fork", CLONE_PARAMS},
	    {CODE_VFORK, "vfork", CLONE_PARAMS},
	    {CODE_CLONE3, "clone3", CLONE_PARAMS},
	    {CODE_SIGNAL, "signaldeliver", SIGNAL_PARAMS},
	    {CODE_PAGE_FAULT, "page_fault", FAULT_PARAMS},
	    {CODE_EXECVE, "execve", EXEC_PARAMS},
	    {CODE_EXECVEAT, "execveat", EXECVEAT_PARAMS},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_i64(event_code_by_name(str_from(cases[i].name)), cases[i].code,
			  cases[i].name);
		check_i64(event_schema_get(cases[i].code)->nparams, cases[i].nparams,
			  cases[i].name);
	}
}

#ifdef __x86_64__
static void thirty_two_bit_calls_are_native_ones(void **state)
{
	static const struct {
		uint16_t compat;
		const char *native;
	} cases[] = {{5, "open"},     {11, "execve"}, {295, "openat"},   {22, "umount"},
		     {52, "umount2"}, {4, "write"},   {203, "setreuid"}, {437, "openat2"}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint16_t nr = compat_native[cases[i].compat];
		const struct syscall_schema *call =
		    nr < PROBE_SYSCALLS ? syscall_schema_get(nr) : NULL;
		if (!call)
			fail_msg("32-bit call %u is no native one", cases[i].compat);
		check_str(str_from(call->name), cases[i].native, "32-bit call");
	}
	check_str(str_from(syscall_schema_get(socketcall_native[3])->name), "connect",
		  "socketcall 3");
	check_str(str_from(syscall_schema_get(ipc_native[1])->name), "semop", "ipc 1");
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row_fills_its_event),
	    cmocka_unit_test(families_know_their_kinds),
	    cmocka_unit_test(events_that_no_row_makes_have_their_codes),
	    cmocka_unit_test(paths_and_descriptors_are_parameters_of_that_type),
#ifdef __x86_64__
	    cmocka_unit_test(thirty_two_bit_calls_are_native_ones),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
