/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of Kubernetes by itself, for test_kube.py: options as NAME=VALUE; what it tells comes
 * out as a line of JSON each. Standard input asks: "ask KEY", "counters", "quit".
 */
#include "metadata/kube.h"
#include "state/pod_set.h"

#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static json_t *text(struct str s)
{
	return json_stringn_nocheck(s.p ? s.p : "", s.n);
}

static json_t *labels(const struct container_label *list, uint32_t count)
{
	json_t *o = json_object();

	for (uint32_t i = 0; i < count; i++) {
		char key[POD_TEXT_MAX + 1];

		snprintf(key, sizeof(key), "%.*s", STR_ARG(list[i].key));
		json_object_set_new_nocheck(o, key, text(list[i].value));
	}
	return o;
}

static json_t *object(const struct kube_object *of)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", text(of->name));
	json_object_set_new(o, "uid", text(of->uid));
	json_object_set_new(o, "labels", labels(of->labels, of->label_count));
	return o;
}

static void print(json_t *line)
{
	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(line);
}

static void print_pod(const struct pod_info *pod)
{
	json_t *o = json_object(), *services = json_array();

	json_object_set_new(o, "key", text(pod->key));
	json_object_set_new(o, "uid", text(pod->uid));
	json_object_set_new(o, "name", text(pod->name));
	json_object_set_new(o, "ns", text(pod->ns));
	json_object_set_new(o, "node", text(pod->node));
	json_object_set_new(o, "account", text(pod->service_account));
	json_object_set_new(o, "ip", text(pod->ip));
	json_object_set_new(o, "labels", labels(pod->labels, pod->label_count));
	json_object_set_new(o, "owner_kind", text(pod->owner_kind));
	json_object_set_new(o, "owner", object(&pod->owner));
	for (int i = 0; i < KUBE_KINDS; i++)
		if (pod->related[i].name.n)
			json_object_set_new(o, kube_kind_name((enum kube_kind)i),
					    object(&pod->related[i]));
	for (uint32_t i = 0; i < pod->service_count; i++)
		json_array_append_new(services, object(&pod->services[i]));
	json_object_set_new(o, "services", services);
	json_object_set_new(o, "complete", json_boolean(pod->is_complete));
	print(json_pack("{s:o}", "pod", o));
}

/* Prints news, and leaves them where they belong, which is what memory is measured of. */
static void pass_news(struct inbox *from, struct pod_set *to)
{
	struct pod_news *news = pod_inbox_take(from), *next;

	for (; news; news = next) {
		next = (struct pod_news *)news->item.next;
		if (news->info) {
			print_pod(news->info);
			pod_inbox_put(pod_set_inbox(to), pod_info_keep(news->info));
		} else {
			print(json_pack("{s:o}", "gone", text(news->key)));
			pod_inbox_put_gone(pod_set_inbox(to), news->key);
		}
		pod_news_free(news);
	}
	pod_set_update(to);
}

static void print_counters(const struct kube *k, const struct pod_set *pods)
{
	struct kube_counters c = kube_counters(k);
	struct pod_counters p = pod_set_counters(pods);

	print(json_pack("{s:{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}}", "counters",
			"is_up", c.is_up, "requests", (json_int_t)c.requests, "errors",
			(json_int_t)c.errors, "events", (json_int_t)c.events, "lists",
			(json_int_t)c.lists, "watches", (json_int_t)c.watches, "gone",
			(json_int_t)c.gone, "bookmarks", (json_int_t)c.bookmarks, "pods",
			(json_int_t)c.pods, "objects", (json_int_t)c.objects, "bytes",
			(json_int_t)c.bytes, "refused", (json_int_t)(c.refused + p.refused),
			"known_bytes", (json_int_t)p.known_bytes));
}

/* False: it is the end. */
static bool obey(struct kube *k, struct pod_set *pods)
{
	char line[256];

	if (!fgets(line, sizeof(line), stdin) || strcmp(line, "quit\n") == 0)
		return false;
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "ask ", 4) == 0)
		print(json_pack("{s:b}", "asked", kube_ask(k, str_from(line + 4))));
	else if (strcmp(line, "counters") == 0)
		print_counters(k, pods);
	return true;
}

static bool take_option(struct kube_options *o, char *argument)
{
	char *value = strchr(argument, '=');
	const struct {
		const char *name;
		const char **text;
		uint32_t *number;
		bool *flag;
	} known[] = {
	    {"api_server", &o->api_server, NULL, NULL},
	    {"kubelet", &o->kubelet, NULL, NULL},
	    {"node_name", &o->node_name, NULL, NULL},
	    {"token_file", &o->token_file, NULL, NULL},
	    {"ca_file", &o->ca_file, NULL, NULL},
	    {"kubelet_ca_file", &o->kubelet_ca_file, NULL, NULL},
	    {"requests_per_second", NULL, &o->requests_per_second, NULL},
	    {"refresh_s", NULL, &o->refresh_s, NULL},
	    {"poll_s", NULL, &o->poll_s, NULL},
	    {"from_kubelet", NULL, NULL, &o->from_kubelet},
	    {"is_insecure", NULL, NULL, &o->is_insecure},
	};

	if (!value)
		return false;
	*value++ = '\0';
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(known[i].name, argument) != 0)
			continue;
		if (known[i].text)
			*known[i].text = value;
		else if (known[i].number)
			*known[i].number = (uint32_t)strtoul(value, NULL, 10);
		else
			*known[i].flag = strcmp(value, "true") == 0;
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct kube_options o = {.api_server = "",
				 .kubelet = "",
				 .node_name = "node-1",
				 .token_file = "",
				 .ca_file = "",
				 .kubelet_ca_file = "",
				 .requests_per_second = 1000,
				 .refresh_s = 300,
				 .poll_s = 10};
	struct pod_set *pods = pod_set_new();
	struct inbox inbox = {NULL};
	struct error err = {0};
	struct kube *k;

	setvbuf(stdin, NULL, _IONBF, 0);
	for (int i = 1; i < argc; i++)
		if (!take_option(&o, argv[i])) {
			fprintf(stderr, "no such option: %s\n", argv[i]);
			return 2;
		}
	k = kube_start(&o, &inbox, &err);
	if (!k) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	for (bool goes_on = true; goes_on;) {
		struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

		if (poll(&in, 1, 10) > 0)
			goes_on = obey(k, pods);
		pass_news(&inbox, pods);
	}
	kube_stop(k);
	pass_news(&inbox, pods);
	pod_set_free(pods);
	return 0;
}
