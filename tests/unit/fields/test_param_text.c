/* SPDX-License-Identifier: Apache-2.0 */
#include "event_maker.h"
#include "fields/param_text.h"

static struct made made;

/* Little-endian, as the format has them. */
#define IPV4_TUPLE "#027f0000014e917f000001d5a2"

static const struct {
	const char *event;
	const char *params;
	const char *args;
} lines[] = {
    {"close", "0|3", "res=0 fd=3"},
    {"close", "-9|77", "res=-9(EBADF) fd=77"},
    {"openat", "-2|-100|=/etc/none|4097|0|0|0",
     "fd=-2(ENOENT) dirfd=-100(AT_FDCWD) name=/etc/none flags=4097(O_RDONLY|O_CLOEXEC) mode=0 "
     "dev=0 ino=0"},
    {"openat", "-13|-100|=lnk|16454|0666|0xfe00|409614",
     "fd=-13(EACCES) dirfd=-100(AT_FDCWD) name=lnk(/tmp/wa/lnk) "
     "flags=16454(O_NONBLOCK|O_CREAT|O_WRONLY|O_F_CREATED) mode=0666 dev=FE00 ino=409614"},
    {"openat", "-2|7|=x|1|0|0|0",
     "fd=-2(ENOENT) dirfd=7 name=x(<UNKNOWN>x) flags=1(O_RDONLY) mode=0 dev=0 ino=0"},
    {"openat", "-2|-100|=../x//y/./z|3|0|0|0",
     "fd=-2(ENOENT) dirfd=-100(AT_FDCWD) name=../x//y/./z(/tmp/x/y/z) flags=3(O_RDWR) mode=0 dev=0 "
     "ino=0"},
    {"open", "-1|=/tmp/file-1|1|0|-|-",
     "fd=-1(EPERM) name=/tmp/file-1 flags=1(O_RDONLY) mode=0 dev=<NA> ino=<NA>"},
    {"fchmodat", "0|-100|=a b|0600",
     "res=0 dirfd=-100(AT_FDCWD) filename=a b(/tmp/wa/a b) mode=0600(S_IWUSR|S_IRUSR)"},
    {"mknod", "0|=/dev/x|0x2180|261",
     "res=0 path=/dev/x mode=020600(S_IWUSR|S_IRUSR|S_IFCHR) dev=261"},
    {"mkdir", "-17|=d|0777", "res=-17(EEXIST) path=d(/tmp/wa/d) mode=1FF"},
    {"socket", "-97|1|526337|0|4160",
     "fd=-97(EAFNOSUPPORT) domain=1(AF_LOCAL|AF_UNIX) type=526337 proto=0 "
     "flags=4160(O_NONBLOCK|O_CLOEXEC)"},
    {"socket", "-97|99|1|0|0", "fd=-97(EAFNOSUPPORT) domain=99 type=1 proto=0 flags=0(O_NONE)"},
    {"connect", "-2|-|3|#012f72756e2f6e736364", "res=-2(ENOENT) tuple=NULL fd=3 addr=/run/nscd"},
    {"connect", "0|" IPV4_TUPLE "|3|#027f000001d5a2",
     "res=0 tuple=127.0.0.1:37198->127.0.0.1:41685 fd=3 addr=127.0.0.1:41685"},
    {"connect", "0|#0a00000000000000000000ffff7f0000014e9100000000000000000000ffff7f000001d5a2|3|-",
     "res=0 tuple=127.0.0.1:37198->127.0.0.1:41685 fd=3 addr=<NA>"},
    {"connect", "0|#0a0000000000000000000000000000000100500000000000000000000000000000000123c0|3|-",
     "res=0 tuple=::1:20480->::1:49187 fd=3 addr=<NA>"},
    {"connect", "0|#0a00|3|#0a00", "res=0 tuple=INVALID IPv6 fd=3 addr=INVALID IPv6"},
    {"connect", "0|#02|3|#02", "res=0 tuple=INVALID IPv4 fd=3 addr=INVALID IPv4"},
    {"connect", "0|#01|3|#01", "res=0 tuple=INVALID PATH fd=3 addr=INVALID PATH"},
    {"connect", "0|#63|3|#63", "res=0 tuple=family 99 fd=3 addr=family 99"},
    {"connect", "0|#018084c1098188ffff0089c1098188ffff2f72756e2f7800|3|-",
     "res=0 tuple=ffff888109c18480->ffff888109c18900 /run/x fd=3 addr=<NA>"},
    {"read", "5|#68656c6c6f00ff|3|10", "res=5 data=hello.. fd=3 size=10"},
    {"read", "0|-|3|10", "res=0 data=NULL fd=3 size=10"},
    {"brk", "0x230F000|24608|6880|0|0x230F000",
     "res=230F000 vm_size=24608 vm_rss=6880 vm_swap=0 addr=230F000"},
    {"mmap", "-12|1|2|3|0|8192|3|10|-1|0",
     "res=-12(ENOMEM) vm_size=1 vm_rss=2 vm_swap=3 addr=0 length=8192 prot=3(PROT_READ|PROT_WRITE) "
     "flags=10(MAP_PRIVATE|MAP_ANONYMOUS) fd=-1(EPERM) offset=0"},
    {"setuid", "0|33", "res=0 uid=33(<NA>)"},
    {"setuid", "0|-1", "res=0 uid=-1(<NONE>)"},
    {"setgid", "0|-1", "res=0 gid=-1(<NONE>)"},
    {"kill", "0|42|9", "res=0 pid=42 sig=9(SIGKILL)"},
    {"kill", "0|42|64", "res=0 pid=42 sig=64"},
    {"nanosleep", "0|1500000000", "res=0 interval=1500000000(1.5s)"},
    {"nanosleep", "0|-1", "res=0 interval=none"},
    {"poll",
     "1|#01000400000000000000"
     "4000|0",
     "res=1 fds=4:?40 timeout=0"},
    {"poll", "1|#0500040000|0", "res=1 fds= timeout=0"},
    {"ppoll", "0|-|-1|0x101", "res=0 fds=NULL timeout=none sigmask=SIGHUP SIGKILL"},
    {"futex", "0|0x7FA6955AF740|129|1",
     "res=0 addr=7FA6955AF740 op=129(FUTEX_PRIVATE_FLAG|FUTEX_WAKE) val=1"},
    {"ptrace", "0|#00efbe000000000000|#010b|16|77",
     "res=0 addr=BEEF data=11(SIGSEGV) request=16(PTRACE_GETSIGINFO) pid=77"},
    {"getsockopt", "0|3|1|8|#0200400300|4",
     "res=0 fd=3 level=1(SOL_SOCKET) optname=8(SO_RCVBUF) val=212992 optlen=4"},
    {"setsockopt", "0|3|1|4|#01f3ffffffffffffff|4",
     "res=0 fd=3 level=1(SOL_SOCKET) optname=4(SO_ERROR) val=-13(EACCES) optlen=4"},
    {"keyctl", "0|1|#0173657373696f6e00|#00fbffffffffffffff|-|#09",
     "res=0 operation=1(KEYCTL_JOIN_SESSION_KEYRING) arg2=session arg3=-5 arg4=NULL arg5=."},
    {"prctl", "1|23|-|32", "res=1 option=23(PR_CAPBSET_READ) arg2_str=<NA> arg2_int=32"},
    {"access", "-2|=/etc/x|0", "res=-2(ENOENT) name=/etc/x mode=0(F_OK)"},
    {"renameat2", "0|-100|=d/e|-100|=d/f|1",
     "res=0 olddirfd=-100(AT_FDCWD) oldpath=d/e(/tmp/wa/d/e) newdirfd=-100(AT_FDCWD) "
     "newpath=d/f(/tmp/wa/d/f) flags=1(RENAME_NOREPLACE)"},
    {"chdir", "0|=d", "res=0 path=d"},
    {"semop", "0|1|2|-1|0|3|-2|0|77",
     "res=0 nsops=1 sem_num_0=2 sem_op_0=-1 sem_flg_0=0 sem_num_1=3 sem_op_1=-2 sem_flg_1=0 "
     "semid=77"},
    {"accept4", "-11|-|0|0|0|-1",
     "fd=-11(EAGAIN) tuple=NULL queuepct=0 queuelen=0 queuemax=0 flags=FFFFFFFF"},
    {"syscall", "41|110", ""},
    {"getpeername", "", ""},
};

static void arguments_read_as_users_know_them(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct str got;

		make_event(&made, lines[i].event, lines[i].params);
		got = field_text(&made, "evt.args");
		if (str_equal_c(got, lines[i].args))
			continue;
		fprintf(stderr, "%s: got \"%.*s\", want \"%s\"\n", lines[i].event, STR_ARG(got),
			lines[i].args);
		bad++;
	}
	assert_int_equal(bad, 0);
}

static void one_argument_is_its_resolved_form(void **state)
{
	static const struct {
		const char *event, *params, *field, *want;
	} cases[] = {
	    {"close", "-9|77", "evt.arg.res", "EBADF"},
	    {"close", "-9|77", "evt.arg[0]", "EBADF"},
	    {"close", "-9|77", "evt.arg[1]", "77"},
	    {"close", "-9|77", "evt.arg[2]", "(absent)"},
	    {"close", "-9|77", "evt.arg.flags", "(absent)"},
	    {"close", "0|77", "evt.arg.res", "0"},
	    {"mkdir", "0|=d|0777", "evt.arg.path", "/tmp/wa/d"},
	    {"mkdir", "0|=/d|0777", "evt.arg.path", "/d"},
	    {"mkdir", "0|=d|0777", "evt.rawarg.path", "d"},
	    {"mkdir", "0|=d|0777", "evt.arg.mode", "1FF"},
	    {"mkdir", "-1|=d|0777", "evt.rawarg.res", "-1"},
	    {"openat", "-2|-100|=x|4097|0|0|0", "evt.arg.flags", "O_RDONLY|O_CLOEXEC"},
	    {"openat", "-2|-100|=x|4097|0|0|0", "evt.rawarg.flags", "4097"},
	    {"setuid", "0|-1", "evt.rawarg.uid", "4294967295"},
	    {"syscall", "41|110", "evt.arg[0]", "getppid"},
	    {"syscall", "0|110", "evt.arg[0]", "unknown"},
	    {"syscall", "0|110", "evt.type", "getppid"},
	    {"read", "2|#0001|3|2", "evt.arg.data", ".."},
	    {"kill", "0|42|15", "evt.arg.sig", "SIGTERM"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_event(&made, cases[i].event, cases[i].params);
		check_str(field_text(&made, cases[i].field), cases[i].want, cases[i].field);
	}
}

static void relative_paths_start_where_the_kernel_says(void **state)
{
	(void)state;
	made_begin(&made, "openat", "-2|7|=x/../y|1|0|0|0");
	record_annex(&made.builder, ANNEX_PATH_BASE, 2, STR("/srv/www"));
	made_event(&made);
	check_str(field_text(&made, "evt.arg.name"), "/srv/www/y", "name");
	check_str(field_text(&made, "evt.arg.dirfd"), "<d>/srv/www", "dirfd");
	check_str(field_text(&made, "evt.abspath"), "/srv/www/y", "abspath");
}

static void flags_take_their_bits_from_later_ones(void **state)
{
	static const struct {
		const char *table;
		uint32_t value;
		bool is_enumeration;
		const char *want;
	} cases[] = {
	    {"file_flags", 0, false, "O_NONE"},
	    {"file_flags", 3, false, "O_RDWR"},
	    {"file_flags", 0xf0000000, false, ""},
	    {"flock_flags", 0, false, "LOCK_NONE"},
	    {"flock_flags", 6, false, "LOCK_EX|LOCK_NB"},
	    {"socket_families", 16, true, "AF_ROUTE|AF_NETLINK"},
	    {"socket_families", 0, true, "AF_UNSPEC"},
	    {"futex_operations", 0, false, "FUTEX_WAIT"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char memory[256];
		struct buffer out = BUFFER(memory);

		flags_print(flag_table_get(cases[i].table), cases[i].value, cases[i].is_enumeration,
			    &out);
		check_str(buffer_str(&out), cases[i].want, cases[i].table);
	}
}

static void text_without_room_is_cut(void **state)
{
	(void)state;
	for (size_t room = 0; room < 120; room++) {
		char memory[120];
		struct buffer out = {.p = memory, .room = room};

		make_event(&made, "mkdir", "-17|=d|0777");
		params_print(&made.ctx, &out);
		assert_true(out.n <= room);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arguments_read_as_users_know_them),
	    cmocka_unit_test(one_argument_is_its_resolved_form),
	    cmocka_unit_test(relative_paths_start_where_the_kernel_says),
	    cmocka_unit_test(flags_take_their_bits_from_later_ones),
	    cmocka_unit_test(text_without_room_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
