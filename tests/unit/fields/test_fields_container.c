/* SPDX-License-Identifier: Apache-2.0 */
#include "container_scene.h"
#include "state/container_event.h"

#define DOCKER_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SANDBOX_ID "aaaabbbbccccddddaaaabbbbccccddddaaaabbbbccccddddaaaabbbbccccdddd"

/* As the container plugin writes it into captures. */
static const char container_json[] =
    "{\"container\":{\"type\":0,\"id\":\"0123456789ab\",\"name\":\"web\",\"image\":\"reg:5/a/"
    "b:v1\","
    "\"imagedigest\":\"sha256:dd\",\"imageid\":\"ee\",\"imagerepo\":\"reg:5/a/"
    "b\",\"imagetag\":\"v1\","
    "\"User\":\"0\",\"cni_json\":\"\",\"full_id\":\"" DOCKER_ID "\",\"host_ipc\":false,"
    "\"host_network\":true,\"host_pid\":false,\"ip\":\"10.0.0.2\",\"is_pod_sandbox\":false,"
    "\"labels\":{\"io.kubernetes.pod.name\":\"pod-1\",\"io.kubernetes.pod.namespace\":\"prod\","
    "\"io.kubernetes.pod.uid\":\"u-1\",\"app\":\"shop\",\"empty\":\"\",\"annotation.x\":\"y\"},"
    "\"pod_sandbox_id\":\"" SANDBOX_ID "\",\"privileged\":true,"
    "\"pod_sandbox_labels\":{\"tier\":\"front\"},\"port_mappings\":[],\"Mounts\":["
    "{\"Source\":\"/host/logs\",\"Destination\":\"/var/log\",\"Mode\":\"rw\",\"RW\":true,"
    "\"Propagation\":\"rprivate\"},{\"Source\":\"/host/etc\",\"Destination\":\"/etc/app\","
    "\"Mode\":\"\",\"RW\":false,\"Propagation\":\"rslave\"}]}}";

static const char in_docker[] = "cpu=/docker/" DOCKER_ID "\0io=/docker/" DOCKER_ID "\0";
static const char on_host[] = "cpu=/\0";

static void fields_tell_what_a_runtime_told(void **state)
{
	static const struct row rows[] = {
	    {"container.id", "0123456789ab"},
	    {"container.full_id", DOCKER_ID},
	    {"container.name", "web"},
	    {"container.image", "reg:5/a/b:v1"},
	    {"container.image.id", "ee"},
	    {"container.image.repository", "reg:5/a/b"},
	    {"container.image.tag", "v1"},
	    {"container.image.digest", "sha256:dd"},
	    {"container.type", "docker"},
	    {"container.privileged", "true"},
	    {"container.host_network", "true"},
	    {"container.host_pid", "false"},
	    {"container.host_ipc", "false"},
	    {"container.ip", "10.0.0.2"},
	    {"container.cni.json", ""},
	    {"container.metadata", "complete"},
	    {"container.healthcheck", "<absent>"},
	    {"container.label[app]", "shop"},
	    {"container.label[none]", "<absent>"},
	    {"container.labels", "app:shop, empty"},
	    {"container.mounts", "/host/logs:/var/log:rw:true:rprivate,"
				 "/host/etc:/etc/app::false:rslave"},
	    {"container.mount[0]", "/host/logs:/var/log:rw:true:rprivate"},
	    {"container.mount[2]", "<absent>"},
	    {"container.mount[/host/etc]", "/host/etc:/etc/app::false:rslave"},
	    {"container.mount[/host/*]", "/host/logs:/var/log:rw:true:rprivate"},
	    {"container.mount.source[/etc/*]", "/host/etc"},
	    {"container.mount.dest[/host/e*]", "/etc/app"},
	    {"container.mount.mode[0]", "rw"},
	    {"container.mount.rdwr[/host/etc]", "false"},
	    {"container.mount.propagation[1]", "rslave"},
	    {"k8s.pod.name", "pod-1"},
	    {"k8s.ns.name", "prod"},
	    {"k8s.pod.id", "u-1"},
	    {"k8s.pod.uid", "u-1"},
	    {"k8s.pod.sandbox_id", "aaaabbbbcccc"},
	    {"k8s.pod.full_sandbox_id", SANDBOX_ID},
	    {"k8s.pod.label[tier]", "front"},
	    {"k8s.pod.labels", "tier:front"},
	    {"k8s.pod.ip", "10.0.0.2"},
	    {"k8s.deployment.name", "<absent>"},
	};
	struct scene *s = scene_new(in_docker, sizeof(in_docker) - 1);
	struct container_info *info = container_info_from_event(str_from(container_json));

	(void)state;
	assert_non_null(info);
	container_set_learn(state_containers(s->w->state), info);
	CHECK(s, rows);
	scene_free(s);
}

static void a_container_that_nobody_knows_has_its_id(void **state)
{
	static const struct row rows[] = {
	    {"container.id", "0123456789ab"}, {"container.full_id", DOCKER_ID},
	    {"container.type", "docker"},     {"container.name", "<absent>"},
	    {"container.image", "<absent>"},  {"container.privileged", "<absent>"},
	    {"container.mounts", "<absent>"}, {"container.mount[0]", "<absent>"},
	    {"container.metadata", "none"},   {"k8s.pod.name", "<absent>"},
	};
	struct scene *s = scene_new(in_docker, sizeof(in_docker) - 1);

	(void)state;
	CHECK(s, rows);
	scene_free(s);
}

static void the_host_is_called_so(void **state)
{
	static const struct row rows[] = {
	    {"container.id", "host"},     {"container.full_id", "host"},
	    {"container.name", "host"},   {"container.type", "host"},
	    {"container.image", ""},      {"container.image.repository", ""},
	    {"container.labels", ""},     {"container.privileged", "false"},
	    {"container.mounts", ""},     {"container.metadata", "host"},
	    {"k8s.pod.name", "<absent>"}, {"k8s.pod.sandbox_id", ""},
	    {"k8s.pod.ip", "<absent>"},   {"container.label[a]", "<absent>"},
	};
	struct scene *s = scene_new(on_host, sizeof(on_host) - 1);

	(void)state;
	CHECK(s, rows);
	scene_free(s);
}

static void containers_of_cgroups_alone_are_named_by_them(void **state)
{
	static const char lxc[] = "cpu=/lxc.payload.shop/init.scope\0";
	static const struct row rows[] = {
	    {"container.id", "shop"},
	    {"container.name", "shop"},
	    {"container.type", "lxc"},
	    {"container.image", "<absent>"},
	};
	struct scene *s = scene_new(lxc, sizeof(lxc) - 1);

	(void)state;
	CHECK(s, rows);
	scene_free(s);
}

static void broken_texts_are_no_containers(void **state)
{
	static const char *const texts[] = {"",
					    "{",
					    "[]",
					    "1",
					    "{}",
					    "{\"container\":{}}",
					    "{\"container\":[1]}",
					    "{\"container\":{\"id\":5}}"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (container_info_from_event(str_from(texts[i])))
			fail_msg("taken for a container: %s", texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_tell_what_a_runtime_told),
	    cmocka_unit_test(a_container_that_nobody_knows_has_its_id),
	    cmocka_unit_test(the_host_is_called_so),
	    cmocka_unit_test(containers_of_cgroups_alone_are_named_by_them),
	    cmocka_unit_test(broken_texts_are_no_containers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
