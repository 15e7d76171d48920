/* SPDX-License-Identifier: Apache-2.0 */
/* What Kubernetes said of a pod, as fields. */
#include "container_scene.h"
#include "state/pod_event.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UID "3d1c5c2f-9a5b-4f5e-8a43-8f5a37b2f0a1"

static const char in_pod[] = "cpu=/kubepods/burstable/pod" UID "/" ID "\0";
static const char in_docker[] = "cpu=/docker/" ID "\0";
static const char on_host[] = "cpu=/\0";

static const struct container_label pod_labels[] = {{{"tier", 4}, {"front", 5}},
						    {{"app", 3}, {"shop", 4}}};
static const struct container_label set_labels[] = {{{"pod-template-hash", 17}, {"5d8", 3}}};
static const struct container_label one_label[] = {{{"app.kubernetes.io/name", 22}, {"one", 3}}};
static const struct container_label two_labels[] = {{{"app.kubernetes.io/name", 22}, {"two", 3}},
						    {{"x", 1}, {"", 0}}};
static const struct container_label ns_labels[] = {{{"team", 4}, {"blue", 4}}};
static const struct kube_object services[] = {{{"web", 3}, {"s-1", 3}, one_label, 1},
					      {{"web-all", 7}, {"s-2", 3}, two_labels, 2}};

static struct pod_info *shop(bool is_complete)
{
	struct pod_info draft = {
	    .key = STR(UID),
	    .uid = STR(UID),
	    .name = STR("shop-5d8-x2"),
	    .ns = STR("prod"),
	    .node = STR("node-1"),
	    .service_account = STR("shopkeeper"),
	    .ip = STR("10.1.2.3"),
	    .labels = pod_labels,
	    .label_count = 2,
	    .owner_kind = STR("Deployment"),
	    .owner = {STR("shop"), STR("d-1"), NULL, 0},
	    .services = services,
	    .service_count = 2,
	    .is_complete = is_complete,
	};

	draft.related[KUBE_NAMESPACE] = (struct kube_object){STR("prod"), STR("n-1"), ns_labels, 1};
	draft.related[KUBE_REPLICA_SET] =
	    (struct kube_object){STR("shop-5d8"), STR("r-1"), set_labels, 1};
	draft.related[KUBE_DEPLOYMENT] = (struct kube_object){STR("shop"), STR("d-1"), NULL, 0};
	return pod_info_new(&draft);
}

static void learn(struct scene *s, struct pod_info *info)
{
	pod_set_learn(container_set_pods(state_containers(s->w->state)), info);
}

static void fields_tell_what_kubernetes_told(void **state)
{
	static const struct row rows[] = {
	    {"k8smeta.pod.name", "shop-5d8-x2"},
	    {"k8smeta.pod.uid", UID},
	    {"k8smeta.pod.label[app]", "shop"},
	    {"k8smeta.pod.label[none]", "<absent>"},
	    {"k8smeta.pod.labels", "(app:shop,tier:front)"},
	    {"k8smeta.pod.ip", "10.1.2.3"},
	    {"k8smeta.ns.name", "prod"},
	    {"k8smeta.ns.uid", "n-1"},
	    {"k8smeta.ns.label[team]", "blue"},
	    {"k8smeta.ns.labels", "(team:blue)"},
	    {"k8smeta.deployment.name", "shop"},
	    {"k8smeta.deployment.uid", "d-1"},
	    {"k8smeta.deployment.label[app]", "<absent>"},
	    {"k8smeta.deployment.labels", "<absent>"},
	    {"k8smeta.svc.name", "(web,web-all)"},
	    {"k8smeta.svc.uid", "(s-1,s-2)"},
	    {"k8smeta.svc.label[app.kubernetes.io/name]", "(one,two)"},
	    {"k8smeta.svc.label[none]", "<absent>"},
	    {"k8smeta.svc.labels", "(app.kubernetes.io/name:one,app.kubernetes.io/name:two,x:)"},
	    {"k8smeta.rs.name", "shop-5d8"},
	    {"k8smeta.rs.uid", "r-1"},
	    {"k8smeta.rs.label[pod-template-hash]", "5d8"},
	    {"k8smeta.rs.labels", "(pod-template-hash:5d8)"},
	    {"k8smeta.rc.name", "<absent>"},
	    {"k8smeta.rc.uid", "<absent>"},
	    {"k8smeta.rc.label[a]", "<absent>"},
	    {"k8smeta.rc.labels", "<absent>"},
	    {"k8smeta.daemonset.name", "<absent>"},
	    {"k8smeta.owner.kind", "Deployment"},
	    {"k8smeta.owner.name", "shop"},
	    {"k8smeta.owner.uid", "d-1"},
	    {"k8smeta.node.name", "node-1"},
	    {"k8smeta.sa.name", "shopkeeper"},
	    {"k8smeta.metadata", "complete"},
	    /* older fields, of which no runtime knows anything */
	    {"k8s.pod.name", "shop-5d8-x2"},
	    {"k8s.pod.uid", UID},
	    {"k8s.pod.id", UID},
	    {"k8s.pod.ip", "10.1.2.3"},
	    {"k8s.pod.label[tier]", "front"},
	    {"k8s.pod.labels", "app:shop, tier:front"},
	    {"k8s.ns.name", "prod"},
	    {"k8s.ns.id", "n-1"},
	    {"k8s.ns.label[team]", "blue"},
	    {"k8s.ns.labels", "team:blue"},
	    {"k8s.rs.name", "shop-5d8"},
	    {"k8s.rs.id", "r-1"},
	    {"k8s.deployment.name", "shop"},
	    {"k8s.deployment.id", "d-1"},
	    {"k8s.deployment.labels", "<absent>"},
	    {"k8s.rc.name", "<absent>"},
	    {"k8s.svc.name", "web, web-all"},
	    {"k8s.svc.id", "s-1, s-2"},
	    {"k8s.svc.label[x]", ""},
	    {"k8s.svc.labels", "app.kubernetes.io/name:one, app.kubernetes.io/name:two, x:"},
	};
	struct scene *s = scene_new(in_pod, sizeof(in_pod) - 1);

	(void)state;
	learn(s, shop(true));
	CHECK(s, rows);
	scene_free(s);
}

#define NAMED(name)                                                                                \
	"\"{\\\"name\\\":\\\"" name "\\\",\\\"labels\\\":{\\\"a\\\":\\\"" name "\\\"}}\""

/* Events of captures, in an order of their own; each is one object. */
static const char *const story[] = {
    "{\"reason\":\"Create\",\"kind\":\"Namespace\",\"uid\":\"n-1\",\"meta\":" NAMED("prod") "}",
    "{\"reason\":\"Create\",\"kind\":\"Service\",\"uid\":\"s-2\",\"meta\":" NAMED("two") "}",
    "{\"reason\":\"Create\",\"kind\":\"Pod\",\"uid\":\"" UID "\",\"meta\":" NAMED(
	"shop") ","
		"\"status\":\"{\\\"podIP\\\":\\\"10.1.2.3\\\"}\",\"refs\":{\"resources\":{"
		"\"Namespace\":{\"list\":[\"n-1\"]},\"Service\":{\"list\":[\"s-1\",\"s-2\"]},"
		"\"Deployment\":{\"list\":[\"d-1\"]},\"ReplicaSet\":{\"list\":[\"r-1\"]}}}}",
    "{\"reason\":\"Create\",\"kind\":\"Deployment\",\"uid\":\"d-1\",\"meta\":" NAMED("old") "}",
    "{\"reason\":\"Update\",\"kind\":\"Deployment\",\"uid\":\"d-1\",\"meta\":" NAMED("web") "}",
    "{\"reason\":\"Create\",\"kind\":\"Service\",\"uid\":\"s-1\",\"meta\":" NAMED("one") "}",
    "{\"reason\":\"Delete\",\"kind\":\"Pod\",\"uid\":\"none\"}",
    "{\"reason\":\"Burn\",\"kind\":\"Pod\",\"uid\":\"" UID "\"}",
    "{\"reason\":\"Create\",\"kind\":\"Pod\"}",
    "{\"reason\":1}",
    "[]",
    "broken",
    "",
};

static void fields_tell_what_captures_told(void **state)
{
	static const struct row rows[] = {
	    {"k8smeta.pod.name", "shop"},
	    {"k8smeta.pod.ip", "10.1.2.3"},
	    {"k8smeta.pod.label[a]", "shop"},
	    {"k8smeta.ns.uid", "n-1"},
	    {"k8smeta.ns.label[a]", "prod"},
	    {"k8smeta.deployment.name", "web"},
	    {"k8smeta.deployment.labels", "(a:web)"},
	    {"k8smeta.owner.kind", "Deployment"},
	    {"k8smeta.svc.name", "(one,two)"},
	    {"k8smeta.svc.uid", "(s-1,s-2)"},
	    /* Of this nothing but its uid is told. */
	    {"k8smeta.rs.uid", "r-1"},
	    {"k8smeta.rs.name", "<absent>"},
	};
	struct scene *s = scene_new(in_pod, sizeof(in_pod) - 1);
	struct pod_set *pods = container_set_pods(state_containers(s->w->state));
	struct pod_story *told = pod_story_new();

	(void)state;
	for (size_t i = 0; i < sizeof(story) / sizeof(*story); i++)
		pod_story_tell(told, str_from(story[i]), pods);
	CHECK(s, rows);
	pod_story_free(told);
	scene_free(s);
}

static void a_pod_that_nobody_told_of_has_its_uid(void **state)
{
	static const struct row rows[] = {
	    {"k8s.pod.uid", UID},
	    {"k8s.pod.name", "<absent>"},
	    {"k8s.pod.labels", "<absent>"},
	    {"k8smeta.pod.uid", "<absent>"},
	    {"k8smeta.pod.name", "<absent>"},
	    {"k8smeta.ns.name", "<absent>"},
	    {"k8smeta.svc.name", "<absent>"},
	    {"k8smeta.owner.kind", "<absent>"},
	    {"k8smeta.metadata", "none"},
	};
	struct scene *s = scene_new(in_pod, sizeof(in_pod) - 1);

	(void)state;
	CHECK(s, rows);
	scene_free(s);
}

static void a_pod_of_which_more_is_to_come_says_so(void **state)
{
	struct scene *s = scene_new(in_pod, sizeof(in_pod) - 1);

	(void)state;
	learn(s, shop(false));
	check_field(s, "k8smeta.metadata", "incomplete");
	check_field(s, "k8smeta.pod.name", "shop-5d8-x2");
	scene_free(s);
}

static void what_is_no_pod_has_no_values(void **state)
{
	static const struct row rows[] = {{"k8smeta.pod.name", "<absent>"},
					  {"k8smeta.pod.labels", "<absent>"},
					  {"k8smeta.node.name", "<absent>"},
					  {"k8s.svc.name", "<absent>"},
					  {"k8s.pod.uid", "<absent>"}};
	struct scene *docker = scene_new(in_docker, sizeof(in_docker) - 1);
	struct scene *host = scene_new(on_host, sizeof(on_host) - 1);

	(void)state;
	CHECK(docker, rows);
	CHECK(host, rows);
	check_field(docker, "k8smeta.metadata", "none");
	check_field(host, "k8smeta.metadata", "host");
	scene_free(docker);
	scene_free(host);
}

/* Of a container whose cgroup tells no pod, its runtime's label does. */
static void labels_of_runtimes_lead_to_the_pod(void **state)
{
	static const struct container_label labels[] = {
	    {{LABEL_POD_UID, sizeof(LABEL_POD_UID) - 1}, {UID, sizeof(UID) - 1}}};
	struct scene *s = scene_new(in_docker, sizeof(in_docker) - 1);

	(void)state;
	learn(s, shop(true));
	container_set_learn(
	    state_containers(s->w->state),
	    container_info_new(&(struct container_info){
		.type = CONTAINER_DOCKER, .full_id = STR(ID), .labels = labels, .label_count = 1}));
	check_field(s, "k8smeta.deployment.name", "shop");
	check_field(s, "k8s.ns.name", "prod");
	scene_free(s);
}

/* More labels than scratch memory has room for are no crash. */
static void many_labels_are_told_as_far_as_there_is_room(void **state)
{
	static struct container_label many[POD_LABELS_MAX * 2];
	static char text[POD_LABELS_MAX * 2][POD_TEXT_MAX * 2];
	struct scene *s = scene_new(in_pod, sizeof(in_pod) - 1);
	struct field_use use;
	struct value v;

	(void)state;
	for (int i = 0; i < POD_LABELS_MAX * 2; i++) {
		memset(text[i], 'x', sizeof(text[i]));
		snprintf(text[i], 5, "%04d", i);
		text[i][4] = '-';
		many[i] = (struct container_label){{text[i], sizeof(text[i])},
						   {text[i], sizeof(text[i])}};
	}
	learn(s, pod_info_new(&(struct pod_info){.key = STR(UID),
						 .name = STR("p"),
						 .labels = many,
						 .label_count = POD_LABELS_MAX * 2}));
	field_resolve(STR("k8smeta.pod.labels"), 0, s->arena, &use, NULL);
	assert_true(field_extract(&s->ctx, &use, &v));
	check_i64(v.count, POD_LABELS_MAX, "labels");
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_tell_what_kubernetes_told),
	    cmocka_unit_test(fields_tell_what_captures_told),
	    cmocka_unit_test(a_pod_that_nobody_told_of_has_its_uid),
	    cmocka_unit_test(a_pod_of_which_more_is_to_come_says_so),
	    cmocka_unit_test(what_is_no_pod_has_no_values),
	    cmocka_unit_test(labels_of_runtimes_lead_to_the_pod),
	    cmocka_unit_test(many_labels_are_told_as_far_as_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
