/* SPDX-License-Identifier: Apache-2.0 */
#include "app/kubernetes.h"

#include "base/log.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define PLUGIN "k8smeta"

struct kubernetes {
	struct kube *kube;
	struct pod_set *pods;
};

static const struct config_plugin *plugin_of(const struct config *c)
{
	for (size_t i = 0; i < c->plugin_count; i++)
		if (strcmp(c->plugins[i].name, PLUGIN) == 0)
			return &c->plugins[i];
	return NULL;
}

/* Keys of the plugin's init_config, and what kind of value each takes. */
static const struct plugin_key {
	const char *name;
	json_type type;
	const char *expected;
} plugin_keys[] = {
    {"collectorHostname", JSON_STRING, "a string"}, {"collectorPort", JSON_INTEGER, "a number"},
    {"nodeName", JSON_STRING, "a string"},          {"verbosity", JSON_STRING, "a string"},
    {"caPEMBundle", JSON_STRING, "a string"},       {"hostProc", JSON_STRING, "a string"},
};

static int check_plugin(const json_t *root, struct error *err)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)root, key, v)
	{
		const struct plugin_key *known = plugin_keys, *end;

		end = known + sizeof(plugin_keys) / sizeof(*plugin_keys);
		while (known < end && strcmp(known->name, key) != 0)
			known++;
		if (known == end)
			return error_set(err, -EINVAL, "unknown key '%s'", key);
		if (json_typeof(v) != known->type)
			return error_set(err, -EINVAL, "%s: expected %s", key, known->expected);
	}
	return 0;
}

static int take_plugin(const struct config_plugin *plugin, struct arena *arena,
		       struct kubernetes_options *out, struct error *err)
{
	struct str text = str_trim(str_from(plugin->init_config));
	json_error_t why;
	json_t *root = text.n ? json_loadb(text.p, text.n, 0, &why) : json_object();
	struct error reason = {0};
	const char *node;
	int status;

	if (!json_is_object(root))
		status = error_set(&reason, -EINVAL, "expected a map%s%s", root ? "" : ": ",
				   root ? "" : why.text);
	else
		status = check_plugin(root, &reason);
	node = json_string_value(json_object_get(root, "nodeName"));
	if (status == 0 && node && *node)
		out->kube.node_name = arena_cstr(arena, str_from(node));
	out->names_collector = json_object_get(root, "collectorHostname");
	json_decref(root);
	if (status < 0)
		error_set(err, status, "plugins: " PLUGIN ": init_config: %s", reason.message);
	return status;
}

/* The first that is there, and not empty. */
static const char *environment(const char *const *names)
{
	for (; *names; names++) {
		const char *value = getenv(*names);

		if (value && *value)
			return value;
	}
	return NULL;
}

/* Where pods are told the API server is. */
static const char *server_of_environment(struct arena *arena)
{
	const char *host = environment((const char *const[]){"KUBERNETES_SERVICE_HOST", NULL});
	const char *port = environment((const char *const[]){"KUBERNETES_SERVICE_PORT_HTTPS",
							     "KUBERNETES_SERVICE_PORT", NULL});
	bool is_ipv6 = host && strchr(host, ':');

	if (!host)
		return "";
	return arena_printf(arena, "https://%s%s%s:%s", is_ipv6 ? "[" : "", host,
			    is_ipv6 ? "]" : "", port ? port : "443")
	    .p;
}

static int check_url(const char *key, const char *url, struct error *err)
{
	if (!*url || strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0)
		return 0;
	return error_set(err, -EINVAL,
			 "kubernetes_metadata.%s: found '%s', expected https:// or http:// and a "
			 "host",
			 key, url);
}

int kubernetes_options(const struct config *c, const char *hostname, struct arena *arena,
		       struct kubernetes_options *out, struct error *err)
{
	const struct config_kubernetes *k = &c->kubernetes;
	const struct config_plugin *plugin = plugin_of(c);
	const char *of_environment = environment(
	    (const char *const[]){"SAKER_NODE_NAME", "FALCO_K8S_NODE_NAME", "NODE_NAME", NULL});
	int status = 0;

	*out = (struct kubernetes_options){.is_wanted = k->is_enabled || plugin};
	if (!out->is_wanted)
		return 0;
	out->kube = (struct kube_options){
	    .from_kubelet = k->source == KUBERNETES_KUBELET,
	    .api_server = *k->api_server ? k->api_server : server_of_environment(arena),
	    .kubelet = k->kubelet,
	    .token_file = k->token_file,
	    .ca_file = k->ca_file,
	    .kubelet_ca_file = *k->kubelet_ca_file ? k->kubelet_ca_file : k->ca_file,
	    .is_insecure = !k->verifies,
	    .requests_per_second = (uint32_t)k->requests_per_second,
	    .refresh_s = (uint32_t)k->refresh_s,
	    .poll_s = (uint32_t)k->poll_s,
	};
	if (plugin)
		status = take_plugin(plugin, arena, out, err);
	if (*k->node_name)
		out->kube.node_name = k->node_name;
	else if (!out->kube.node_name)
		out->kube.node_name =
		    arena_cstr(arena, str_from(of_environment ? of_environment : hostname));
	if (status == 0)
		status = check_url("api_server", out->kube.api_server, err);
	if (status == 0)
		status = check_url("kubelet", out->kube.kubelet, err);
	return status;
}

int kubernetes_start(const struct config *config, const char *hostname, struct pod_set *pods,
		     struct kubernetes **out, struct error *err)
{
	CLEANUP_ARENA struct arena *arena = arena_new();
	struct kubernetes_options o;
	struct kubernetes *k;
	int status = kubernetes_options(config, hostname, arena, &o, err);

	*out = NULL;
	if (status < 0 || !o.is_wanted)
		return status;
	if (o.names_collector)
		log_info("kubernetes: no collector is needed, collectorHostname is not used: the "
			 "API server or the kubelet is asked");
	if (!o.kube.from_kubelet && !*o.kube.api_server) {
		log_warning("kubernetes: no API server is known, so nothing is told of pods: set "
			    "kubernetes_metadata.api_server, or KUBERNETES_SERVICE_HOST, which "
			    "pods have");
		return 0;
	}
	k = calloc(1, sizeof(*k));
	if (!k)
		abort();
	k->pods = pods;
	k->kube = kube_start(&o.kube, pod_set_inbox(pods), err);
	if (!k->kube) {
		free(k);
		return -ENOMEM;
	}
	pod_set_ask(pods, &(struct pod_asker){.context = k->kube, .ask = kube_ask});
	*out = k;
	return 0;
}

void kubernetes_stop(struct kubernetes *k)
{
	if (!k)
		return;
	pod_set_ask(k->pods, &(struct pod_asker){0});
	kube_stop(k->kube);
	free(k);
}

struct kube_counters kubernetes_counters(const struct kubernetes *k)
{
	struct kube_counters c = {0};

	if (!k)
		return c;
	c = kube_counters(k->kube);
	c.refused += pod_set_counters(k->pods).refused;
	return c;
}

void kubernetes_print(const struct kubernetes *k)
{
	struct pod_counters pods = pod_set_counters(k->pods);
	struct kube_counters c = kubernetes_counters(k);

	fprintf(stderr,
		"Kubernetes: %llu pods, %llu requests, %llu events of watches, %llu errors\n",
		(unsigned long long)pods.known, (unsigned long long)c.requests,
		(unsigned long long)c.events, (unsigned long long)c.errors);
	if (pods.asked)
		fprintf(stderr, "Pods: %llu asked for, %llu told of, %llu told of too late\n",
			(unsigned long long)pods.asked, (unsigned long long)pods.told,
			(unsigned long long)pods.late);
	if (c.refused)
		fprintf(stderr, "Pods and objects that could not be remembered: %llu\n",
			(unsigned long long)c.refused);
}
