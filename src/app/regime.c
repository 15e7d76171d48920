/* SPDX-License-Identifier: Apache-2.0 */
#include "app/regime.h"

#include "app/discards.h"
#include "base/log.h"
#include "base/map.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
	DRAIN_MS = 2000, /* where output_timeout is 0 */
	LOOK_MS = 1,     /* whether a judge has gone over */
};

static struct outputs_options outputs_options_of(const struct config *c)
{
	const struct config_http_output *http = &c->http_output;

	return (struct outputs_options){
	    .to_stdout = c->stdout_enabled,
	    .is_buffered = c->buffered_outputs,
	    .is_json = c->json_output,
	    .queue_capacity = (uint32_t)c->queue_capacity,
	    .recovery = (enum outputs_recovery)c->queue_recovery,
	    .timeout_ms = (uint32_t)c->output_timeout_ms,
	    .file = {c->file_output.enabled, c->file_output.filename, c->file_output.keep_alive},
	    .syslog = {.is_enabled = c->syslog_enabled},
	    .program = {c->program_output.enabled, c->program_output.program,
			c->program_output.keep_alive},
	    .http = {.is_enabled = http->enabled,
		     .url = http->url,
		     .user_agent = http->user_agent,
		     .is_insecure = http->insecure,
		     .ca_cert = http->ca_cert,
		     .ca_bundle = http->ca_bundle,
		     .ca_path = http->ca_path,
		     .is_mutual = http->mtls,
		     .client_cert = http->client_cert,
		     .client_key = http->client_key,
		     .keep_alive = http->keep_alive,
		     .compress = http->compress_uploads,
		     .echo = http->echo,
		     .max_consecutive_timeouts = (unsigned)http->max_consecutive_timeouts},
	};
}

int regime_init(struct regime *r, struct policy *policy, const char *hostname, bool has_outputs,
		struct error *err)
{
	struct outputs_options options = outputs_options_of(policy->config);

	pthread_mutex_init(&r->lock, NULL);
	r->start = policy->config;
	r->hostname = hostname;
	r->has_outputs = has_outputs;
	r->policy = policy_keep(policy);
	if (!has_outputs)
		return 0;
	r->outputs = outputs_new(&options, err);
	return r->outputs ? 0 : -EINVAL;
}

int regime_add_judge(struct regime *r, const struct regime_judge *judge, struct error *err)
{
	struct judge_terms *terms =
	    judge_terms_new(judge->judge, r->policy, r->outputs, r->hostname, err);

	if (!terms)
		return -ENOMEM;
	judge->judge->terms = terms;
	r->judges[r->judge_count] = *judge;
	r->judges[r->judge_count++].terms = terms;
	return 0;
}

void regime_set_probe(struct regime *r, struct probe *probe, const struct live_options *live)
{
	r->probe = probe;
	r->live = *live;
}

static int set_wants(struct regime *r, const struct plan *plan, const struct plan *also,
		     struct error *err)
{
	struct live_options live = r->live;
	struct probe_wants wants, more;

	if (!r->probe)
		return 0;
	live.plan = plan;
	live_wants(&live, &wants);
	if (also) {
		live.plan = also;
		live_wants(&live, &more);
		wants_add(&wants, &more);
	}
	discards_change(r->live.discards);
	int status = probe_set_wants(r->probe, &wants, err);

	discards_changed(r->live.discards);
	return status;
}

/* Waits until the judge has let go of its old terms. */
static struct judge_terms *await_old_terms(const struct regime_judge *j)
{
	for (;;) {
		struct judge_terms *old = judge_fetch_old_terms(j->judge);

		if (old)
			return old;
		/* Nobody else does it any more. */
		if (j->has_ended && j->has_ended(j->context))
			judge_renew(j->judge);
		else
			poll(NULL, 0, LOOK_MS);
	}
}

/* 0: not timed. */
static uint64_t time_of(const struct judge_terms *terms, uint32_t rule)
{
	const uint64_t *times = evaluator_rule_times(terms->evaluator);

	return times ? __atomic_load_n(&times[rule], __ATOMIC_RELAXED) : 0;
}

static uint64_t matches_of(const struct judge_terms *terms, uint32_t rule)
{
	return __atomic_load_n(&evaluator_match_counts(terms->evaluator)[rule], __ATOMIC_RELAXED);
}

/* What the rules matched until now, by the ids that they have in the new policy. */
static uint64_t *carry(const struct regime *r, const struct rule_set *rules,
		       struct judge_terms *const *old)
{
	uint64_t *carried = calloc(rules->rule_count + 1, sizeof(*carried));
	struct strmap names = {0};

	if (!carried)
		return NULL;
	for (size_t i = 0; i < rules->rule_count; i++)
		strmap_put(&names, rules->rules[i].name, &carried[i]);
	for (size_t i = 0; i < r->policy->rules->rule_count; i++) {
		uint64_t *to = strmap_get(&names, r->policy->rules->rules[i].name);
		uint64_t matches = r->carried ? r->carried[i] : 0;

		for (size_t k = 0; k < r->judge_count; k++)
			matches += matches_of(old[k], (uint32_t)i);
		if (to)
			*to = matches;
	}
	strmap_free(&names);
	return carried;
}

/* 0, with new terms of each judge, or what is missing. */
static int make_terms(struct regime *r, struct policy *policy, struct outputs *outputs,
		      struct judge_terms **terms, struct error *err)
{
	for (size_t i = 0; i < r->judge_count; i++) {
		terms[i] = judge_terms_new(r->judges[i].judge, policy, outputs, r->hostname, err);
		if (!terms[i])
			return -ENOMEM;
	}
	return 0;
}

/* To those of the same name, or as one more. */
static void add_channel(struct channel_counters *sums, size_t *count,
			const struct channel_counters *c)
{
	size_t i = 0;

	while (i < *count && strcmp(sums[i].name, c->name) != 0)
		i++;
	if (i == CHANNELS_MAX)
		return;
	if (i == *count)
		sums[(*count)++] = (struct channel_counters){.name = c->name};
	sums[i].sent += c->sent;
	sums[i].dropped += c->dropped;
	sums[i].dropped_urgent += c->dropped_urgent;
	for (size_t why = 0; why < OUTPUT_DROP_COUNT; why++)
		sums[i].drops[why] += c->drops[why];
	sums[i].failed += c->failed;
	sums[i].retries += c->retries;
	latency_merge(&sums[i].latency, &c->latency);
}

static void end_outputs(struct regime *r, struct outputs *old)
{
	struct channel_counters channels[CHANNELS_MAX];
	size_t count;

	if (!old)
		return;
	outputs_drain(old, regime_drain_ms(r));
	pthread_mutex_lock(&r->lock);
	count = outputs_counters(old, channels, CHANNELS_MAX);
	for (size_t i = 0; i < count; i++)
		if (!channels[i].is_shared)
			add_channel(r->ended, &r->ended_count, &channels[i]);
	r->ending = NULL;
	pthread_mutex_unlock(&r->lock);
	outputs_free(old);
}

/* Nothing can fail any more. */
static void go_over(struct regime *r, struct policy *policy, struct outputs *outputs,
		    struct judge_terms **terms)
{
	struct judge_terms *old[SOURCE_COUNT] = {0};
	struct policy *old_policy = r->policy;
	struct outputs *old_outputs = r->outputs;
	uint64_t *carried;
	struct error err;

	pthread_mutex_lock(&r->lock);
	r->ending = old_outputs;
	pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < r->judge_count; i++) {
		judge_leave_terms(r->judges[i].judge, terms[i]);
		r->judges[i].wake(r->judges[i].context);
	}
	for (size_t i = 0; i < r->judge_count; i++)
		old[i] = await_old_terms(&r->judges[i]);
	carried = carry(r, policy->rules, old);
	pthread_mutex_lock(&r->lock);
	free(r->carried);
	r->carried = carried;
	r->policy = policy_keep(policy);
	r->outputs = outputs;
	for (size_t i = 0; i < r->judge_count; i++)
		r->judges[i].terms = terms[i];
	r->replaced++;
	pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < r->judge_count; i++)
		judge_terms_free(old[i]);
	if (set_wants(r, policy->plan, NULL, &err) < 0)
		log_warning("reload: more is collected than the rules need: %s", err.message);
	policy_release(old_policy);
	end_outputs(r, old_outputs);
}

int regime_replace(struct regime *r, struct policy *policy, struct error *err)
{
	struct outputs_options was = outputs_options_of(r->policy->config),
			       options = outputs_options_of(policy->config);
	struct judge_terms *terms[SOURCE_COUNT] = {0};
	struct outputs *outputs = NULL;
	int status = 0;

	if (r->has_outputs) {
		outputs = outputs_renew(r->outputs, &was, &options, err);
		status = outputs ? 0 : -EINVAL;
	}
	if (status == 0)
		status = make_terms(r, policy, outputs, terms, err);
	if (status == 0)
		status = set_wants(r, r->policy->plan, policy->plan, err);
	if (status == 0) {
		go_over(r, policy, outputs, terms);
		return 0;
	}
	for (size_t i = 0; i < r->judge_count; i++)
		judge_terms_free(terms[i]);
	outputs_free(outputs);
	return status;
}

void regime_count_failure(struct regime *r)
{
	pthread_mutex_lock(&r->lock);
	r->failed++;
	pthread_mutex_unlock(&r->lock);
}

bool regime_add_counts(struct regime *r, const struct outputs *outputs, struct counts *counts)
{
	struct channel_counters ending[CHANNELS_MAX];
	size_t count = 0;

	if (pthread_mutex_trylock(&r->lock) != 0)
		return false;
	if (outputs)
		counts->channel_count = outputs_counters(outputs, counts->channels, CHANNELS_MAX);
	if (r->ending && r->ending != outputs)
		count = outputs_counters(r->ending, ending, CHANNELS_MAX);
	for (size_t i = 0; i < count; i++)
		if (!ending[i].is_shared)
			add_channel(counts->channels, &counts->channel_count, &ending[i]);
	for (size_t i = 0; i < r->ended_count; i++)
		add_channel(counts->channels, &counts->channel_count, &r->ended[i]);
	counts->reloads = r->replaced;
	counts->reloads_failed = r->failed;
	pthread_mutex_unlock(&r->lock);
	return true;
}

void regime_each_rule(struct regime *r, rule_counts_fn *visit, void *context)
{
	const struct rule_set *rules;

	pthread_mutex_lock(&r->lock);
	rules = r->policy->rules;
	for (uint32_t i = 0; i < rules->rule_count; i++) {
		struct rule_counts counts = {.matches = r->carried ? r->carried[i] : 0};

		for (size_t k = 0; k < r->judge_count; k++) {
			counts.matches += matches_of(r->judges[k].terms, i);
			counts.ns += time_of(r->judges[k].terms, i);
		}
		visit(context, &rules->rules[i], &counts);
	}
	pthread_mutex_unlock(&r->lock);
}

struct policy *regime_policy(struct regime *r)
{
	struct policy *policy;

	pthread_mutex_lock(&r->lock);
	policy = policy_keep(r->policy);
	pthread_mutex_unlock(&r->lock);
	return policy;
}

void regime_send(struct regime *r, const struct alert *alert)
{
	pthread_mutex_lock(&r->lock);
	if (r->outputs)
		outputs_send(r->outputs, alert);
	pthread_mutex_unlock(&r->lock);
}

int regime_drain_ms(const struct regime *r)
{
	uint64_t ms = r->policy->config->output_timeout_ms;

	return ms ? (int)ms : DRAIN_MS;
}

void regime_release(struct regime *r)
{
	outputs_free(r->outputs);
	policy_release(r->policy);
	free(r->carried);
	pthread_mutex_destroy(&r->lock);
}
