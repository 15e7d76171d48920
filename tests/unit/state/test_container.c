/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "state/container.h"

#define A16 "0123456789abcdef"
#define ID A16 A16 A16 A16
#define SHORT "0123456789ab"
#define B16 "fedcba9876543210"
#define OTHER B16 B16 B16 B16
#define POD "pod3d1c5c2f_9a5b_4f5e_8a43_8f5a37b2f0a1"

struct row {
	const char *cgroup;
	const char *id; /* NULL: no container */
	enum container_type type;
};

static const struct row paths[] = {
    /* the host */
    {"", NULL, 0},
    {"/", NULL, 0},
    {"/init.scope", NULL, 0},
    {"/system.slice/ssh.service", NULL, 0},
    {"/system.slice/docker.service", NULL, 0},
    {"/system.slice/containerd.service", NULL, 0},
    {"/system.slice/crio.service", NULL, 0},
    {"/user.slice/user-1000.slice/session-2.scope", NULL, 0},
    {"/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/"
     "vte-spawn-8d0a4b8c.scope",
     NULL, 0},
    {"/user.slice/user-0.slice/user@0.service/init.scope", NULL, 0},
    {"/kubepods", NULL, 0},
    {"/kubepods/burstable", NULL, 0},
    {"/kubepods.slice/kubepods-besteffort.slice", NULL, 0},
    {"/docker", NULL, 0},
    {"/machine.slice", NULL, 0},
    {"/system.slice/system-getty.slice/getty@tty1.service", NULL, 0},
    {"/docker/0123456789abcdef", NULL, 0},
    {"/docker/" A16 A16 A16 "0123456789abcdeg", NULL, 0},
    {"/system.slice/docker-" A16 ".scope", NULL, 0},
    {"/../../system.slice/cron.service", NULL, 0},

    /* docker */
    {"/docker/" ID, SHORT, CONTAINER_DOCKER},
    {"/system.slice/docker-" ID ".scope", SHORT, CONTAINER_DOCKER},
    {"/system.slice/docker-" ID ".scope/init.scope", SHORT, CONTAINER_DOCKER},
    {"/system.slice/docker-" ID ".scope/system.slice/nginx.service", SHORT, CONTAINER_DOCKER},
    {"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope", SHORT,
     CONTAINER_DOCKER},
    {"/ecs/8f03e41243824aea923aca126495f665/" ID, SHORT, CONTAINER_DOCKER},
    {"/actions_job/" ID, SHORT, CONTAINER_DOCKER},
    {"/docker.slice/docker-" ID ".scope", SHORT, CONTAINER_DOCKER},
    {"/../" ID, SHORT, CONTAINER_RUNC},

    /* containers in containers: the innermost */
    {"/docker/" OTHER "/docker/" ID, SHORT, CONTAINER_DOCKER},
    {"/docker/" OTHER "/system.slice/docker-" ID ".scope", SHORT, CONTAINER_DOCKER},
    {"/system.slice/docker-" OTHER ".scope/docker/" ID, SHORT, CONTAINER_DOCKER},
    {"/docker/" OTHER "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
     "kubelet-kubepods-besteffort-" POD ".slice/cri-containerd-" ID ".scope",
     SHORT, CONTAINER_CONTAINERD},
    {"/lxc.payload.web/docker/" ID, SHORT, CONTAINER_DOCKER},
    {"/docker/" ID "/kubelet/kubepods", SHORT, CONTAINER_DOCKER},

    /* Kubernetes */
    {"/kubepods/besteffort/pod3d1c5c2f-9a5b-4f5e-8a43-8f5a37b2f0a1/" ID, SHORT, CONTAINER_CRI},
    {"/kubepods/pod3d1c5c2f-9a5b-4f5e-8a43-8f5a37b2f0a1/" ID, SHORT, CONTAINER_CRI},
    {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-" POD ".slice/cri-containerd-" ID
     ".scope",
     SHORT, CONTAINER_CONTAINERD},
    {"/kubepods.slice/kubepods-" POD ".slice/docker-" ID ".scope", SHORT, CONTAINER_DOCKER},
    {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-" POD ".slice/" ID, SHORT,
     CONTAINER_CRI},
    {"/system.slice/containerd.service/kubepods-besteffort-" POD ".slice:cri-containerd:" ID, SHORT,
     CONTAINER_CONTAINERD},
    {"/kubepods-besteffort-" POD ".slice:cri-containerd:" ID, SHORT, CONTAINER_CONTAINERD},
    {"/kubepods-besteffort-" POD ".slice:crio:" ID, SHORT, CONTAINER_CRIO},

    /* CRI-O */
    {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-" POD ".slice/crio-" ID ".scope",
     SHORT, CONTAINER_CRIO},
    {"/kubepods.slice/kubepods-" POD ".slice/crio-" ID ".scope/container", SHORT, CONTAINER_CRIO},
    {"/kubepods.slice/kubepods-" POD ".slice/crio-conmon-" ID ".scope", NULL, 0},
    {"/kubepods/burstable/pod3d1c5c2f/crio-" ID, SHORT, CONTAINER_CRIO},
    {"/kubepods/burstable/pod3d1c5c2f/crio-conmon-" ID, NULL, 0},

    /* podman */
    {"/machine.slice/libpod-" ID ".scope", SHORT, CONTAINER_PODMAN},
    {"/machine.slice/libpod-" ID ".scope/container", SHORT, CONTAINER_PODMAN},
    {"/machine.slice/libpod-" ID ".scope/container/system.slice/x.service", SHORT,
     CONTAINER_PODMAN},
    {"/machine.slice/libpod-conmon-" ID ".scope", NULL, 0},
    {"/machine.slice/machine-libpod_pod_" OTHER ".slice/libpod-" ID ".scope", SHORT,
     CONTAINER_PODMAN},
    {"/libpod_parent/libpod-" ID, SHORT, CONTAINER_PODMAN},
    {"/libpod_parent/conmon", NULL, 0},
    {"/libpod_parent/libpod-" OTHER "/libpod_parent/libpod-" ID, SHORT, CONTAINER_PODMAN},
    {"/docker/" OTHER "/docker/" ID, SHORT, CONTAINER_DOCKER},
    {"/libpod-" ID "/container", SHORT, CONTAINER_PODMAN},
    {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope", SHORT,
     CONTAINER_PODMAN},
    {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container",
     SHORT, CONTAINER_PODMAN},
    {"/user.slice/user-1000.slice/user@1000.service/user.slice/user-libpod_pod_" OTHER
     ".slice/libpod-" ID ".scope/container",
     SHORT, CONTAINER_PODMAN},
    {"/user.slice/user-1000.slice/user@1000.service/podman-2345.scope/" ID, SHORT,
     CONTAINER_PODMAN},

    /* containerd's own tools */
    {"/default/" ID, SHORT, CONTAINER_CONTAINERD},
    {"/k8s.io/" ID, SHORT, CONTAINER_CONTAINERD},
    {"/system.slice/nerdctl-" ID ".scope", SHORT, CONTAINER_CONTAINERD},
    {"/default/redis", "redis", CONTAINER_CONTAINERD},
    {"/default/a-rather-long-name", "a-rather-lon", CONTAINER_CONTAINERD},
    {"/default/ssh.service", NULL, 0},

    /* lxc */
    {"/lxc/web", "web", CONTAINER_LXC},
    {"/lxc/web/init.scope", "web", CONTAINER_LXC},
    {"/lxc/101/ns", "101", CONTAINER_LXC},
    {"/lxc.payload/web", "web", CONTAINER_LXC},
    {"/lxc.payload.web", "web", CONTAINER_LXC},
    {"/lxc.payload.web/system.slice/cron.service", "web", CONTAINER_LXC},
    {"/lxc.monitor.web", NULL, 0},
    {"/lxc.monitor/web", NULL, 0},

    /* libvirt */
    {"/libvirt/lxc/web", "web", CONTAINER_LIBVIRT_LXC},
    {"/machine/web.libvirt-lxc", "web", CONTAINER_LIBVIRT_LXC},
    {"/machine.slice/machine-lxc\\x2d2293906\\x2dweb.scope", "2293906\\x2dweb",
     CONTAINER_LIBVIRT_LXC},
    {"/machine.slice/machine-lxc\\x2d2293906\\x2dweb.scope/libvirt", "2293906\\x2dweb",
     CONTAINER_LIBVIRT_LXC},
    {"/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", NULL, 0},
    {"/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator", NULL, 0},

    /* systemd-nspawn */
    {"/machine.slice/machine-web.scope", "web", CONTAINER_NSPAWN},
    {"/machine.slice/machine-web.scope/payload/system.slice/cron.service", "web", CONTAINER_NSPAWN},
    {"/machine.slice/systemd-nspawn@web.service/payload/init.scope", "web", CONTAINER_NSPAWN},
    {"/machine.slice/systemd-nspawn@web.service/supervisor", NULL, 0},

    /* bpm */
    {"/bpm-garden", "garden", CONTAINER_BPM},
    {"/system.slice/runc-bpm-nats.scope", "nats", CONTAINER_BPM},

    /* a bare runtime */
    {"/" ID, SHORT, CONTAINER_RUNC},
    {"/user.slice/" ID, SHORT, CONTAINER_RUNC},
    {"/system.slice/runc-" ID ".scope", SHORT, CONTAINER_RUNC},
    {"/system.slice/runc-mybox.scope", "mybox", CONTAINER_RUNC},
    {"/garden/" ID, SHORT, CONTAINER_RUNC},
};

static void check_row(struct str cgroups, const struct row *row)
{
	struct container c;
	bool is_found = container_from_cgroups(cgroups, &c);

	check_i64(is_found, row->id != NULL, row->cgroup);
	check_i64(c.type, row->type, row->cgroup);
	check_str(c.id, row->id ? row->id : "", row->cgroup);
	assert_true(str_starts_with(c.full_id, c.id));
}

static void paths_tell_their_container(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		check_row(str_from(paths[i].cgroup), &paths[i]);
}

/* The same path in the forms of the cgroups parameter: v2, and v1 with all hierarchies. */
static void lists_tell_what_their_paths_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char text[4096];
		size_t n = 0;

		n += (size_t)sprintf(text + n, "cpuset=%s", paths[i].cgroup) + 1;
		n += (size_t)sprintf(text + n, "cpu=%s", paths[i].cgroup) + 1;
		n += (size_t)sprintf(text + n, "memory=/") + 1;
		check_row((struct str){text, n}, &paths[i]);
	}
}

static void any_hierarchy_will_do(void **state)
{
	static const char hybrid[] =
	    "cpuset=/\0cpu=/user.slice\0memory=/docker/" ID "\0=/init.scope";
	static const char unified[] =
	    "cpuset=/\0cpu=/\0memory=/user.slice\0unified=/user.slice/libpod-" ID ".scope";
	static const char one[] = "cpuset=/\0cpu=/\0memory=/limits/5e8779c905c7\0io=/";
	struct container c;

	(void)state;
	assert_true(container_from_cgroups((struct str){hybrid, sizeof(hybrid)}, &c));
	check_str(c.id, SHORT, "hybrid");
	check_str(c.full_id, ID, "hybrid");
	assert_true(container_from_cgroups((struct str){unified, sizeof(unified)}, &c));
	check_str(c.full_id, ID, "version 2 beside version 1");
	assert_false(container_from_cgroups((struct str){one, sizeof(one)}, &c));
	check_i64(c.type, CONTAINER_NONE, "a limit on one hierarchy");
}

#define UID "3d1c5c2f_9a5b_4f5e_8a43_8f5a37b2f0a1"
#define DEEP "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0"
#define STATIC "0123456789abcdef0123456789abcdef"

/* A pod's uid, as the path writes it. */
static const struct {
	const char *cgroup, *uid;
} pods[] = {
    {"/kubepods/besteffort/pod3d1c5c2f-9a5b-4f5e-8a43-8f5a37b2f0a1/" ID,
     "3d1c5c2f-9a5b-4f5e-8a43-8f5a37b2f0a1"},
    {"/kubepods.slice/kubepods-pod" UID ".slice/docker-" ID ".scope", UID},
    {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID
     ".slice/cri-containerd-" ID ".scope",
     UID},
    {"/kubepods-besteffort-pod" UID ".slice:cri-containerd:" ID, UID},
    {"/kubepods.slice/kubepods-pod" UID ".slice/crio-" ID ".scope/container", UID},
    {"/kubepods/burstable/pod" STATIC "/" ID, STATIC},
    /* the outermost: below its own cgroup a container makes what it likes */
    {"/kubepods/pod" UID "/" OTHER "/kubepods/podaaaaaaaa-9a5b-4f5e-8a43-8f5a37b2f0a1/" ID, UID},
    {"/kubepods/pod" UID "/" OTHER DEEP DEEP "/podaaaaaaaa-9a5b-4f5e-8a43-8f5a37b2f0a1/" ID, UID},
    /* none */
    {"/docker/" ID, ""},
    {"/kubepods/burstable/pod3d1c5c2f/" ID, ""},
    {"/kubepods/pod" UID "0/" ID, ""},
    {"/machine.slice/machine-libpod_pod_" OTHER ".slice/libpod-" ID ".scope", ""},
    {"/docker/" ID "/kubepods/pod" UID, ""},
};

static void paths_tell_their_pod(void **state)
{
	struct container c;

	(void)state;
	for (size_t i = 0; i < sizeof(pods) / sizeof(pods[0]); i++) {
		assert_true(container_from_cgroups(str_from(pods[i].cgroup), &c));
		check_str(c.pod_uid, pods[i].uid, pods[i].cgroup);
	}
}

static void deep_paths_are_judged_by_their_end(void **state)
{
	char text[8192];
	struct container c;

	(void)state;
	memset(text, 0, sizeof(text));
	for (size_t i = 0; i < 1000; i++)
		memcpy(text + i * 2, "/x", 2);
	strcat(text, "/docker/" ID);
	assert_true(container_from_cgroups(str_from(text), &c));
	check_str(c.id, SHORT, "deep");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths_tell_their_container),
	    cmocka_unit_test(paths_tell_their_pod),
	    cmocka_unit_test(lists_tell_what_their_paths_do),
	    cmocka_unit_test(any_hierarchy_will_do),
	    cmocka_unit_test(deep_paths_are_judged_by_their_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
