/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of Kubernetes audit events: each has a value here, for some event. */
#include "event/tape.h"
#include "event_maker.h"
#include "fields/extractors.h"

static struct made made;
static struct tape *tape;

static int make_tape(void **state)
{
	(void)state;
	tape = tape_new(64 * 1024);
	return tape ? 0 : -1;
}

static int drop_tape(void **state)
{
	(void)state;
	tape_free(tape);
	return 0;
}

static void say(const char *json)
{
	struct error err = {0};

	make_event(&made, "pluginevent", "1|-");
	made.ctx.source = SOURCE_K8S_AUDIT;
	if (tape_read(tape, str_from(json), &err) < 0)
		fail_msg("%s: %s", json, err.message);
	made.event.tape = tape;
}

static const char pod[] =
    "{\"kind\":\"Event\",\"auditID\":\"id-1\",\"stage\":\"ResponseComplete\",\"verb\":\"create\","
    "\"requestURI\":\"/api/v1/pods?a=1&b=x%20y+z&a=2&empty&bad=%zz#f\","
    "\"user\":{\"username\":\"jane\",\"groups\":[\"dev\",\"system:authenticated\"]},"
    "\"impersonatedUser\":{\"username\":\"root\"},\"userAgent\":\"kubectl/v1\","
    "\"sourceIPs\":[\"10.0.0.1\",\"192.168.0.2\"],"
    "\"objectRef\":{\"resource\":\"pods\",\"namespace\":\"web\",\"name\":\"front\"},"
    "\"annotations\":{\"authorization.k8s.io/decision\":\"allow\","
    "\"authorization.k8s.io/reason\":\"because \\\"so\\\"\",\"cluster_name\":\"prod\","
    "\"authentication.openshift.io/decision\":\"error\","
    "\"authentication.openshift.io/username\":\"joe\","
    "\"validation.policy.admission.k8s.io/validation_failure\":\"[1]\","
    "\"pod-security.kubernetes.io/audit-violations\":\"hostPath\"},"
    "\"responseStatus\":{\"code\":201,\"reason\":\"Created\"},"
    "\"responseObject\":{\"metadata\":{\"name\":\"front-x1\"}},"
    "\"requestObject\":{\"spec\":{\"hostIPC\":true,\"hostNetwork\":false,\"hostPID\":true,"
    "\"securityContext\":{\"runAsUser\":1000,\"runAsGroup\":2000,\"fsGroup\":3000,"
    "\"supplementalGroups\":[1,2]},"
    "\"containers\":["
    "{\"name\":\"a\",\"image\":\"reg.example:5000/team/"
    "a:1.2@sha256:00\",\"command\":[\"sh\",\"-c\"],"
    "\"args\":[\"x\",\"y z\"],\"ports\":[{\"containerPort\":80},{\"containerPort\":81,"
    "\"hostPort\":8081}],\"securityContext\":{\"privileged\":true,\"runAsUser\":0,"
    "\"capabilities\":{\"add\":[\"NET_ADMIN\",\"SYS_TIME\"]},\"procMount\":\"Unmasked\","
    "\"allowPrivilegeEscalation\":true,\"readOnlyRootFilesystem\":false,\"runAsGroup\":7}},"
    "{\"name\":\"b\",\"image\":\"nginx\"}],"
    "\"initContainers\":[{\"name\":\"i\",\"image\":\"init:2\",\"command\":[\"i\"],\"args\":[],"
    "\"ports\":[{\"hostPort\":1}],\"securityContext\":{\"privileged\":false}}],"
    "\"ephemeralContainers\":[{\"name\":\"e\",\"image\":\"debug\",\"securityContext\":"
    "{\"privileged\":true}}],"
    "\"volumes\":[{\"name\":\"v1\",\"hostPath\":{\"path\":\"/etc\",\"type\":\"\"}},"
    "{\"name\":\"v2\",\"emptyDir\":{}},{\"name\":\"v3\",\"flexVolume\":{\"driver\":\"k/d\"}},"
    "{\"name\":\"v4\",\"hostPath\":{\"path\":\"/var/run/x\"}}]}}}";

static void a_request_is_told(void **state)
{
	(void)state;
	say(pod);
	CHECK_FIELDS(
	    &made, {"ka.auditid", "id-1"}, {"ka.stage", "ResponseComplete"}, {"ka.verb", "create"},
	    {"ka.auth.decision", "allow"}, {"ka.auth.reason", "because \"so\""},
	    {"ka.auth.openshift.decision", "error"}, {"ka.auth.openshift.username", "joe"},
	    {"ka.validations.admission.policy.failure", "[1]"},
	    {"ka.security.pod.violations", "hostPath"}, {"ka.user.name", "jane"},
	    {"ka.user.groups", "(dev,system:authenticated)"}, {"ka.impuser.name", "root"},
	    {"ka.uri", "/api/v1/pods?a=1&b=x%20y+z&a=2&empty&bad=%zz#f"}, {"ka.uri.param[a]", "1"},
	    {"ka.uri.param[b]", "x y z"}, {"ka.uri.param[empty]", ""},
	    {"ka.uri.param[bad]", "(absent)"}, {"ka.uri.param[c]", "(absent)"},
	    {"ka.target.name", "front"}, {"ka.target.namespace", "web"},
	    {"ka.target.resource", "pods"}, {"ka.target.subresource", "(absent)"},
	    {"ka.target.pod.name", "front-x1"}, {"ka.resp.name", "front-x1"},
	    {"ka.response.code", "201"}, {"ka.response.reason", "Created"},
	    {"ka.useragent", "kubectl/v1"}, {"ka.sourceips", "(10.0.0.1,192.168.0.2)"},
	    {"ka.sourceips[1]", "(192.168.0.2)"}, {"ka.cluster.name", "(prod)"},
	    {"ka.req.configmap.name", "front"});
}

static void a_pod_is_told(void **state)
{
	(void)state;
	say(pod);
	CHECK_FIELDS(
	    &made, {"ka.req.pod.containers.name", "(a,b)"},
	    {"ka.req.pod.containers.name[1]", "(b)"}, {"ka.req.pod.containers.name[2]", "(absent)"},
	    {"ka.req.pod.containers.image", "(reg.example:5000/team/a:1.2@sha256:00,nginx)"},
	    {"ka.req.pod.containers.image.repository", "(reg.example:5000/team/a,nginx)"},
	    {"ka.req.pod.containers.image.repository[1]", "(nginx)"},
	    {"ka.req.container.image", "reg.example:5000/team/a:1.2@sha256:00"},
	    {"ka.req.container.image.repository", "reg.example:5000/team/a"},
	    {"ka.req.pod.containers.command", "(sh -c)"}, {"ka.req.pod.containers.args", "(x y z)"},
	    {"ka.req.pod.containers.command[1]", "(absent)"},
	    {"ka.req.pod.containers.host_port", "(80,8081)"},
	    {"ka.req.pod.containers.privileged", "(true)"}, {"ka.req.container.privileged", "true"},
	    {"ka.req.pod.containers.privileged[1]", "(absent)"},
	    {"ka.req.pod.containers.allow_privilege_escalation", "(true)"},
	    {"ka.req.pod.containers.read_only_fs", "(false)"},
	    {"ka.req.pod.containers.run_as_user", "(0)"},
	    {"ka.req.pod.containers.eff_run_as_user", "(0,1000)"},
	    {"ka.req.pod.containers.eff_run_as_user[1]", "(1000)"},
	    {"ka.req.pod.containers.run_as_group", "(7)"},
	    {"ka.req.pod.containers.eff_run_as_group", "(7,2000)"},
	    {"ka.req.pod.containers.proc_mount", "(Unmasked)"},
	    {"ka.req.pod.containers.add_capabilities", "(NET_ADMIN,SYS_TIME)"},
	    {"ka.req.pod.run_as_user", "1000"}, {"ka.req.pod.run_as_group", "2000"},
	    {"ka.req.pod.fs_group", "3000"}, {"ka.req.pod.supplemental_groups", "(1,2)"},
	    {"ka.req.pod.host_ipc", "true"}, {"ka.req.pod.host_network", "false"},
	    {"ka.req.container.host_network", "false"}, {"ka.req.pod.host_pid", "true"},
	    {"ka.req.pod.volumes.hostpath", "(/etc,/var/run/x)"},
	    {"ka.req.pod.volumes.hostpath[3]", "(/var/run/x)"},
	    {"ka.req.pod.volumes.hostpath[1]", "(absent)"},
	    {"ka.req.volume.hostpath[/etc]", "true"}, {"ka.req.volume.hostpath[/var/*]", "true"},
	    {"ka.req.volume.hostpath[/v]", "false"},
	    {"ka.req.pod.volumes.flexvolume_driver", "(k/d)"},
	    {"ka.req.pod.volumes.volume_type", "(hostPath,emptyDir,flexVolume,hostPath)"},
	    {"ka.req.pod.volumes.volume_type[1]", "(emptyDir)"});
	CHECK_FIELDS(&made, {"ka.req.pod.initContainers.name", "(i)"},
		     {"ka.req.pod.initContainers.image", "(init:2)"},
		     {"ka.req.pod.initContainers.image.repository", "(init)"},
		     {"ka.req.pod.initContainers.command", "(i)"},
		     {"ka.req.pod.initContainers.args", "()"},
		     {"ka.req.pod.initContainers.host_port", "(1)"},
		     {"ka.req.pod.initContainers.privileged", "(false)"},
		     {"ka.req.pod.initContainers.run_as_user", "(absent)"},
		     {"ka.req.pod.initContainers.eff_run_as_user", "(1000)"},
		     {"ka.req.pod.ephemeralContainers.name", "(e)"},
		     {"ka.req.pod.ephemeralContainers.image", "(debug)"},
		     {"ka.req.pod.ephemeralContainers.privileged", "(true)"},
		     {"ka.req.pod.ephemeralContainers.add_capabilities", "(absent)"});
}

static void bindings_and_roles_are_told(void **state)
{
	(void)state;
	say("{\"auditID\":\"b\",\"requestObject\":{\"roleRef\":{\"name\":\"cluster-admin\"},"
	    "\"subjects\":[{\"kind\":\"User\",\"name\":\"u1\"},{\"kind\":\"ServiceAccount\","
	    "\"name\":\"sa\",\"namespace\":\"ns\"},{\"kind\":\"Group\",\"name\":\"g\"},"
	    "{\"kind\":\"User\",\"name\":\"u2\"},{\"kind\":\"ServiceAccount\",\"name\":\"sa2\"}],"
	    "\"rules\":[{\"apiGroups\":[\"\",\"apps\"],\"resources\":[\"pods\"],\"verbs\":[\"*\"]},"
	    "{\"nonResourceURLs\":[\"/x\"],\"verbs\":[\"get\",\"post\"]}],"
	    "\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"port\": 80},{\"port\":81}]},"
	    "\"data\":{\"k\": \"v\"}}}");
	CHECK_FIELDS(&made, {"ka.req.binding.role", "cluster-admin"},
		     {"ka.req.binding.subjects.user_names", "(u1,u2)"},
		     {"ka.req.binding.subjects.serviceaccount_names", "(sa,sa2)"},
		     {"ka.req.binding.subjects.serviceaccount_ns_names", "(ns:sa)"},
		     {"ka.req.binding.subjects.group_names", "(g)"},
		     {"ka.req.binding.subject.has_name[x]", "true"},
		     {"ka.req.role.rules.apiGroups", "(,apps)"},
		     {"ka.req.role.rules.resources", "(pods)"},
		     {"ka.req.role.rules.verbs", "(*,get,post)"},
		     {"ka.req.role.rules.verbs[1]", "(get,post)"},
		     {"ka.req.role.rules.nonResourceURLs", "(/x)"},
		     {"ka.req.role.rules",
		      "({\"apiGroups\":[\"\",\"apps\"],\"resources\":[\"pods\"],\"verbs\":[\"*\"]},"
		      "{\"nonResourceURLs\":[\"/x\"],\"verbs\":[\"get\",\"post\"]})"},
		     {"ka.req.service.type", "NodePort"},
		     {"ka.req.service.ports", "([{\"port\":80},{\"port\":81}])"},
		     {"ka.req.service.ports[1]", "({\"port\":81})"},
		     {"ka.req.configmap.obj", "{\"k\":\"v\"}"},
		     {"ka.req.binding.subjects",
		      "({\"kind\":\"User\",\"name\":\"u1\"},{\"kind\":\"ServiceAccount\",\"name\":"
		      "\"sa\",\"namespace\":\"ns\"},{\"kind\":\"Group\",\"name\":\"g\"},{\"kind\":"
		      "\"User\",\"name\":\"u2\"},{\"kind\":\"ServiceAccount\",\"name\":\"sa2\"})"});
}

static void the_event_itself_is_told(void **state)
{
	(void)state;
	say("{\"auditID\": \"a\", \"b\": [ 1 ]}");
	CHECK_FIELDS(&made, {"jevt.value[/b/0]", "1"}, {"json.value[/auditID]", "a"},
		     {"jevt.value[/c]", "(absent)"},
		     {"jevt.obj", "{\n  \"auditID\": \"a\",\n  \"b\": [\n    1\n  ]\n}"},
		     {"json.obj", "{\n  \"auditID\": \"a\",\n  \"b\": [\n    1\n  ]\n}"},
		     {"jevt.rawtime", "1795552044950918593"},
		     {"json.rawtime", "1795552044950918593"},
		     {"jevt.time.iso8601", "2026-11-24T20:27:24.950918593+0000"},
		     {"evt.pluginname", "k8saudit"}, {"evt.source", "k8s_audit"},
		     {"evt.plugininfo", "{\"auditID\":\"a\",\"b\":[1]}"},
		     {"evt.type", "pluginevent"}, {"evt.is_async", "false"});
	/* In the local zone. */
	assert_true(str_ends_with(field_text(&made, "jevt.time"), STR(":24.950918593")));
}

static void what_is_of_another_form_is_absent(void **state)
{
	static const char *const forms[] = {
	    "{\"auditID\":\"a\",\"user\":1,\"objectRef\":[],\"requestObject\":\"x\","
	    "\"sourceIPs\":null,\"annotations\":7,\"requestURI\":5}",
	    "{\"auditID\":\"a\",\"requestObject\":{\"spec\":[],\"subjects\":{},\"rules\":3}}",
	    "{\"auditID\":\"a\",\"requestObject\":{\"spec\":{\"containers\":[[],1,null,{}],"
	    "\"volumes\":{\"x\":1}},\"subjects\":[1,[],{\"kind\":[]}],\"rules\":[[[]],1]}}",
	    "{\"auditID\":\"a\",\"requestObject\":{\"spec\":{\"containers\":[{\"ports\":5,"
	    "\"command\":\"x\",\"args\":{},\"securityContext\":[]}]}}}",
	    "[\"auditID\"]",
	    "{}",
	    "7",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		say(forms[i]);
		for (size_t f = 0; f < field_count; f++) {
			char text[128];

			if (field_catalogue[f].extract != field_audit ||
			    strncmp(field_catalogue[f].name, "ka.", 3) != 0)
				continue;
			snprintf(text, sizeof(text), "%s%s", field_catalogue[f].name,
				 field_catalogue[f].argument == ARGUMENT_REQUIRED ? "[a]" : "");
			field_text(&made, text);
		}
	}
	/* Without an id it is no audit event, whatever else it says. */
	say("{\"verb\":\"get\"}");
	CHECK_FIELDS(&made, {"ka.verb", "(absent)"}, {"jevt.value[/verb]", "get"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_is_told),
	    cmocka_unit_test(a_pod_is_told),
	    cmocka_unit_test(bindings_and_roles_are_told),
	    cmocka_unit_test(the_event_itself_is_told),
	    cmocka_unit_test(what_is_of_another_form_is_absent),
	};

	return cmocka_run_group_tests(tests, make_tape, drop_tape);
}
