/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules that users have for audit events, on events as API servers sent them. Both lie beside
 * the project.
 */
#include "../rules/samples.h"
#include "../unit.h"
#include "engine/plan.h"
#include "source/audit.h"

#include <errno.h>
#include <unistd.h>

/* In the order of the rules file. */
static const struct {
	const char *file, *rules;
} samples[] = {
    {"anonymous_creates_namespace_foo",
     "Anonymous Request Allowed, Create Disallowed Namespace, K8s Namespace Created"},
    {"attach_pod", "Attach/Exec Pod"},
    {"create_cluster_role_wildcard_resources",
     "ClusterRole With Wildcard Created, K8s ClusterRole Created"},
    {"create_cluster_role_write_privileges",
     "ClusterRole With Write Privileges Created, K8s ClusterRole Created"},
    {"create_clusterrolebinding", "K8s ClusterRoleBinding Created"},
    {"create_configmap_no_sensitive_values", "K8s ConfigMap Created"},
    {"create_deployment", "K8s Deployment Created"},
    {"create_nginx_pod_hostnetwork", "Create HostNetwork Pod"},
    {"create_nginx_pod_nohostnetwork", ""},
    {"create_nginx_pod_privileged_2nd_container", "Create Privileged Pod"},
    {"create_nginx_pod_sensitive_mount_2nd_container", "Create Sensitive Mount Pod"},
    {"create_nginx_pod_unsensitive_mount", ""},
    {"create_nginx_service_nonodeport", "K8s Service Created"},
    {"create_pod_kube_system_namespace", "Pod Created in Kube Namespace"},
    {"create_service", "K8s Service Created"},
    {"create_serviceaccount", "K8s Serviceaccount Created"},
    {"create_serviceaccount_kube_system_namespace",
     "Service Account Created in Kube Namespace, K8s Serviceaccount Created"},
    {"delete_clusterrole", "K8s ClusterRole Deleted"},
    {"delete_configmap", "K8s ConfigMap Deleted"},
    {"delete_namespace_foo", "K8s Namespace Deleted"},
    {"delete_service", "K8s Service Deleted"},
    {"exec_pod", "Attach/Exec Pod"},
    {"minikube_creates_namespace_foo", "Create Disallowed Namespace, K8s Namespace Created"},
    {"some-user_creates_namespace_foo",
     "Disallowed K8s User, Create Disallowed Namespace, K8s Namespace Created"},
};

struct judge {
	struct evaluator *evaluator;
	char names[1024];
	size_t n, events;
};

static void judge(void *context, struct event *e)
{
	struct judge *j = context;
	struct match matches[16];
	size_t count = evaluator_judge(j->evaluator, e, matches, 16);

	j->events++;
	for (size_t i = 0; i < count; i++)
		j->n += (size_t)snprintf(j->names + j->n, sizeof(j->names) - j->n, "%s%.*s",
					 j->n ? ", " : "", STR_ARG(matches[i].rule->name));
}

static void every_sample_raises_what_its_name_tells(void **state)
{
	static const struct rules_options options = {.least_priority = SEVERITY_DEBUG,
						     .sources = SOURCE_BIT(SOURCE_K8S_AUDIT)};
	static const struct plan_options all = {.all_matches = true};
	char path[512];
	const char *one = path;
	struct error err = {0};

	(void)state;
	snprintf(path, sizeof(path), "%s/upstream/rules/k8s_audit_rules.yaml", shared_folder());
	need_samples(path);

	struct rule_set *set = rules_load(&one, 1, &options);

	check_i64(set->error_count, 0, "errors");
	check_i64(set->warning_count, 0, "warnings");

	struct plan *plan = plan_compile(set, &all, &err);
	struct state *s = state_new(&(struct state_options){.max_threads = 64}, &err);
	struct judge j = {.evaluator = evaluator_new(plan, s, "host")};

	assert_non_null(j.evaluator);
	evaluator_context(j.evaluator)->source = SOURCE_K8S_AUDIT;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		struct audit_options o;
		struct source *source;

		snprintf(path, sizeof(path), "%s/upstream/audit/%s.json", shared_folder(),
			 samples[i].file);
		if (audit_options_read(&o, path, "", &err) < 0)
			fail_msg("%s", err.message);
		source = source_audit_new(&o, &err);
		if (!source)
			fail_msg("%s", err.message);
		j.n = j.events = 0;
		j.names[0] = '\0';
		while (source_poll(source, 0, judge, &j) >= 0)
			;
		check_i64(j.events, 1, samples[i].file);
		check_str(str_from(j.names), samples[i].rules, samples[i].file);
		source_free(source);
	}
	evaluator_free(j.evaluator);
	state_free(s);
	plan_free(plan);
	rules_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_sample_raises_what_its_name_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
