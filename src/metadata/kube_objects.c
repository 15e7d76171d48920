/* SPDX-License-Identifier: Apache-2.0 */
/* What pods belong to: owners, namespaces, services. Of all but services metadata are enough. */
#include "metadata/kube_client.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	OBJECT_MS = 5000,
	SERVICES_MOST = 4096, /* of a namespace */
};

#define ACCEPT_METADATA                                                                            \
	"application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

static const struct {
	const char *path; /* before the namespace */
	const char *resource;
} resources[] = {
    [KUBE_NAMESPACE] = {"/api/v1", "namespaces"},
    [KUBE_REPLICA_SET] = {"/apis/apps/v1", "replicasets"},
    [KUBE_DEPLOYMENT] = {"/apis/apps/v1", "deployments"},
    [KUBE_REPLICATION_CONTROLLER] = {"/api/v1", "replicationcontrollers"},
    [KUBE_DAEMON_SET] = {"/apis/apps/v1", "daemonsets"},
    [KUBE_STATEFUL_SET] = {"/apis/apps/v1", "statefulsets"},
    [KUBE_JOB] = {"/apis/batch/v1", "jobs"},
    [KUBE_CRON_JOB] = {"/apis/batch/v1", "cronjobs"},
    [KUBE_SERVICES] = {"/api/v1", "services"},
};

/* What a request for an object has brought. */
struct found {
	struct kube_text body;
	struct kube_kept **items;
	size_t count;
};

static int take_body(void *context, const char *bytes, size_t n, struct error *err)
{
	struct found *f = context;

	for (size_t i = 0; i < n; i++)
		if (!kube_text_put(&f->body, bytes[i], KUBE_ITEM_MAX))
			return error_set(err, -EMSGSIZE, "an object is larger than %d bytes",
					 KUBE_ITEM_MAX);
	return 0;
}

static int add_item(struct found *f, struct kube_kept *kept, struct error *err)
{
	struct kube_kept **longer;

	if (!kept)
		return -EBADMSG;
	longer = f->count < SERVICES_MOST
		     ? realloc(f->items, (f->count + 1) * sizeof(struct kube_kept *))
		     : NULL;
	if (!longer) {
		free(kept);
		return error_set(err, -E2BIG, "more than %d services in a namespace",
				 SERVICES_MOST);
	}
	f->items = longer;
	f->items[f->count++] = kept;
	return 0;
}

static int take_service(void *context, struct str json, struct error *err)
{
	return add_item(context, kube_kept(json, err), err);
}

static int get_services(struct kube *k, const struct kube_need *need, struct found *f,
			struct kube_refusal *refusal, struct error *err)
{
	char base[2048] = "", url[KUBE_URL_ROOM];
	struct kube_list list = {0};
	int status;

	kube_url_append(base, sizeof(base), "/api/v1/namespaces/", need->ns);
	for (int page = 0; page < KUBE_PAGES_MOST; page++) {
		snprintf(url, sizeof(url), "%s/services?limit=%d", base, KUBE_PAGE);
		if (list.continuing[0])
			kube_url_append(url, sizeof(url), "&continue=", list.continuing);
		status = kube_get_list(k, &k->api, url, take_service, f, &list, refusal, err);
		if (status != 200 || !list.continuing[0])
			return status;
	}
	return error_set(err, -E2BIG, "the list of services has no end");
}

/* An API server that answers with another object than was asked for is not believed. */
static int check_object(const struct kube_need *need, const struct kube_kept *kept,
			struct error *err)
{
	if (str_equal_c(kept->object.name, need->name) && str_equal_c(kept->ns, need->ns))
		return 0;
	return error_set(err, -EBADMSG, "asked for %s %s/%s, was told of %.*s/%.*s",
			 resources[need->kind].resource, need->ns, need->name, STR_ARG(kept->ns),
			 STR_ARG(kept->object.name));
}

static int get_object(struct kube *k, const struct kube_need *need, struct found *f,
		      struct kube_refusal *refusal, struct error *err)
{
	char url[KUBE_URL_ROOM] = "";
	struct kube_kept *kept;
	int status;

	if (!kube_may_request(k))
		return error_set(err, -ECANCELED, "it is the end");
	if (*need->ns) {
		snprintf(url, sizeof(url), "%s", resources[need->kind].path);
		kube_url_append(url, sizeof(url), "/namespaces/", need->ns);
		kube_url_append(url, sizeof(url), "/", resources[need->kind].resource);
		kube_url_append(url, sizeof(url), "/", need->name);
	} else {
		kube_url_append(url, sizeof(url), "/api/v1/namespaces/", need->name);
	}
	/* What it has at hand will do. */
	kube_url_append(url, sizeof(url), "?resourceVersion=", "0");
	status = kube_http_get(k->http, &k->api, url, ACCEPT_METADATA, OBJECT_MS, take_body, f,
			       refusal, err);
	if (status != 200)
		return status;
	kept = kube_kept((struct str){f->body.p, f->body.n}, err);
	status = kept ? check_object(need, kept, err) : -EBADMSG;
	if (status < 0) {
		free(kept);
		return status;
	}
	status = add_item(f, kept, err);
	return status < 0 ? status : 200;
}

static void release_found(struct found *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->items[i]);
	free(f->items);
	free(f->body.p);
}

/* Nobody may know: said once of each kind, and not asked again for a while. */
static void forbid(struct kube *k, const struct kube_need *need, uint64_t now,
		   const struct kube_refusal *refusal)
{
	if (!k->forbidden_until[need->kind])
		log_warning("kubernetes: %s are not told: %s", resources[need->kind].resource,
			    refusal->message[0] ? refusal->message : "forbidden");
	kube_count(&k->errors);
	k->forbidden_until[need->kind] = now + k->options.refresh_s * UINT64_C(1000);
}

void kube_ask_for(struct kube *k, const struct kube_need *need)
{
	uint64_t now = clock_monotonic_ms();
	struct found f = {0};
	struct kube_refusal refusal = {0};
	struct error err = {0};
	int status;

	if (!k->api.url[0] || now < k->forbidden_until[need->kind]) {
		kube_pods_found(k->pods, need, NULL, 0, now);
		return;
	}
	status = need->kind == KUBE_SERVICES ? get_services(k, need, &f, &refusal, &err)
					     : get_object(k, need, &f, &refusal, &err);
	if (status == 403)
		forbid(k, need, now, &refusal);
	if (status == 200 || status == 403 || status == 404) {
		kube_pods_found(k->pods, need, status == 200 ? f.items : NULL,
				status == 200 ? f.count : 0, clock_monotonic_ms());
		if (status == 200) {
			f.items = NULL;
			f.count = 0;
			k->forbidden_until[need->kind] = 0;
			k->last_object_error[0] = '\0';
		}
		k->objects.ms = 0;
	} else {
		kube_back_off(&k->objects, refusal.retry_after_s);
		if (status > 0)
			kube_refused(resources[need->kind].resource, status, &refusal, &err);
		kube_tell_error(k, k->last_object_error, &err);
		/* One that is broken is no reason to ask for nothing else, ever. */
		if (status == -EBADMSG || status == -EMSGSIZE || status == -E2BIG)
			kube_pods_found(k->pods, need, NULL, 0, clock_monotonic_ms());
	}
	release_found(&f);
}
