/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the configuration, a plugin's entry and the environment have asked, and how. */
#include "../unit.h"
#include "app/kubernetes.h"

static const char *const variables[] = {
    "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "KUBERNETES_SERVICE_PORT_HTTPS",
    "SAKER_NODE_NAME",         "FALCO_K8S_NODE_NAME",     "NODE_NAME",
};

#define ENTRY(init_config)                                                                         \
	"plugins: [{name: k8smeta, library_path: x, init_config: " init_config "}]\n"
#define FALCOS                                                                                     \
	"{collectorHostname: localhost, collectorPort: 45000, nodeName: of-plugin, verbosity: "    \
	"warning, hostProc: /host, caPEMBundle: /x}"
#define ON "kubernetes_metadata: {enabled: true}\n"

static const struct {
	const char *what, *file;
	const char *environment[4]; /* NAME=VALUE */
	const char *want;           /* "server node", "off", or the error */
} rows[] = {
    {"nothing", "", {NULL}, "off"},
    {"another plugin", "plugins: [{name: container, library_path: x}]\n", {NULL}, "off"},
    {"switched on", ON, {NULL}, " machine"},
    {"in a pod",
     ON,
     {"KUBERNETES_SERVICE_HOST=10.0.0.1", "KUBERNETES_SERVICE_PORT=6443"},
     "https://10.0.0.1:6443 machine"},
    {"in a pod with IPv6",
     ON,
     {"KUBERNETES_SERVICE_HOST=fd00::1"},
     "https://[fd00::1]:443 machine"},
    {"a port for TLS",
     ON,
     {"KUBERNETES_SERVICE_HOST=h", "KUBERNETES_SERVICE_PORT=80",
      "KUBERNETES_SERVICE_PORT_HTTPS=443"},
     "https://h:443 machine"},
    {"the configuration before the environment",
     "kubernetes_metadata: {enabled: true, api_server: 'https://x:1', node_name: n}\n",
     {"KUBERNETES_SERVICE_HOST=h", "SAKER_NODE_NAME=e"},
     "https://x:1 n"},
    {"the node of the environment", ON, {"NODE_NAME=c", "FALCO_K8S_NODE_NAME=b"}, " b"},
    {"our own first", ON, {"FALCO_K8S_NODE_NAME=b", "SAKER_NODE_NAME=a"}, " a"},
    {"an empty one is none", ON, {"SAKER_NODE_NAME=", "NODE_NAME=c"}, " c"},
    {"the plugin", ENTRY(FALCOS), {NULL}, " of-plugin collector"},
    {"the plugin, and the configuration's node",
     ENTRY(FALCOS) "kubernetes_metadata: {node_name: n}\n",
     {NULL},
     " n collector"},
    {"the plugin without anything", ENTRY("{}"), {"NODE_NAME=c"}, " c"},
    {"the plugin's empty text", ENTRY("''"), {NULL}, " machine"},
    {"a plugin that is not loaded", "load_plugins: []\n" ENTRY(FALCOS), {NULL}, "off"},
    {"the plugin's unknown key",
     ENTRY("{nodename: x}"),
     {NULL},
     "plugins: k8smeta: init_config: unknown key 'nodename'"},
    {"the plugin's wrong type",
     ENTRY("{collectorPort: many}"),
     {NULL},
     "plugins: k8smeta: init_config: collectorPort: expected a number"},
    {"the plugin's broken text",
     ENTRY("'{'"),
     {NULL},
     "plugins: k8smeta: init_config: expected a map"},
    {"a list for a map", ENTRY("'[]'"), {NULL}, "plugins: k8smeta: init_config: expected a map"},
    {"no URL",
     "kubernetes_metadata: {enabled: true, api_server: 'host:6443'}\n",
     {NULL},
     "kubernetes_metadata.api_server: found 'host:6443', expected https:// or http:// and a host"},
    {"a file's URL",
     "kubernetes_metadata: {enabled: true, source: kubelet, kubelet: 'file:///etc/shadow'}\n",
     {NULL},
     "kubernetes_metadata.kubelet: found 'file:///etc/shadow', expected https:// or http:// and a "
     "host"},
};

static void set_environment(const char *const *list)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		unsetenv(variables[i]);
	for (size_t i = 0; i < 4 && list[i]; i++) {
		char text[128];

		snprintf(text, sizeof(text), "%s", list[i]);
		*strchr(text, '=') = '\0';
		setenv(text, strchr(list[i], '=') + 1, 1);
	}
}

static void options_are_of_configuration_plugin_and_environment(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config *c = config_new();
		struct arena *arena = arena_new();
		struct kubernetes_options o;
		struct error err = {0};
		char got[600];

		set_environment(rows[i].environment);
		config_read_text(c, "f.yaml", str_from(rows[i].file), &err);
		check_i64(config_finish(c), 0, rows[i].what);
		if (kubernetes_options(c, "machine", arena, &o, &err) < 0)
			snprintf(got, sizeof(got), "%.*s", (int)strlen(rows[i].want), err.message);
		else if (!o.is_wanted)
			snprintf(got, sizeof(got), "off");
		else
			snprintf(got, sizeof(got), "%s %s%s", o.kube.api_server, o.kube.node_name,
				 o.names_collector ? " collector" : "");
		check_str(str_from(got), rows[i].want, rows[i].what);
		arena_free(arena);
		config_free(c);
	}
}

static void without_a_server_there_is_no_client(void **state)
{
	static const char *const none[4];
	struct pod_set *pods = pod_set_new();
	struct config *c = config_new();
	struct kubernetes *k = NULL;
	struct error err = {0};

	(void)state;
	set_environment(none);
	config_read_text(c, "f.yaml", str_from(ON), &err);
	config_finish(c);
	check_i64(kubernetes_start(c, "machine", pods, &k, &err), 0, err.message);
	assert_null(k);
	check_i64(kubernetes_counters(k).requests, 0, "requests");
	kubernetes_stop(k);
	config_free(c);
	pod_set_free(pods);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(options_are_of_configuration_plugin_and_environment),
	    cmocka_unit_test(without_a_server_there_is_no_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
