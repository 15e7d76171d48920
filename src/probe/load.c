/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTION "tp_btf/"
enum { HANDLERS = 3, JOBS_MAX = 64, FUNCTIONS_MAX = 32, HELPERS_MAX = 4 };
enum { LOG_BYTES = 15 << 20, SAID_BYTES = 400 }; /* of a refusal; its reason stands at the end */

/* A program as libbpf has prepared it: what the options point to stays the object's. */
struct job {
	struct bpf_program *program;
	struct bpf_insn *code;
	size_t size; /* in instructions */
	struct bpf_prog_load_opts options;
	int fd;                /* or a negative errno */
	char said[SAID_BYTES]; /* the end of what the verifier says of a program that it refuses */
};

struct load {
	int handlers[HANDLERS];
	pthread_mutex_t lock; /* of count, taken and is_complete */
	pthread_cond_t changed;
	struct job jobs[JOBS_MAX];
	size_t count, taken;
	bool is_complete;
	pthread_t helpers[HELPERS_MAX];
	size_t helper_count;
	struct {
		const struct bpf_program *program;
		uint32_t type_id;
	} functions[FUNCTIONS_MAX];
	size_t function_count;
};

/* Once more, for what the verifier says; at once, because the options point to what libbpf frees.
 */
static void explain_refusal(struct job *job)
{
	char *log = calloc(1, LOG_BYTES);
	size_t n;

	if (!log)
		return;
	job->options.log_level = 1;
	job->options.log_buf = log;
	job->options.log_size = LOG_BYTES;
	bpf_prog_load(bpf_program__type(job->program), bpf_program__name(job->program), "GPL",
		      job->code, job->size, &job->options);
	n = strnlen(log, LOG_BYTES - 1);
	snprintf(job->said, sizeof(job->said), "%s",
		 log + (n >= sizeof(job->said) ? n - sizeof(job->said) + 1 : 0));
	free(log);
}

static void run_job(struct job *job)
{
	job->fd = bpf_prog_load(bpf_program__type(job->program), bpf_program__name(job->program),
				"GPL", job->code, job->size, &job->options);
	if (job->fd < 0) {
		job->fd = -errno;
		explain_refusal(job);
	}
}

/* Until all are done; helpers wait for more as long as there may be more. */
static void run_jobs(struct load *l)
{
	pthread_mutex_lock(&l->lock);
	for (;;) {
		if (l->taken < l->count) {
			struct job *job = &l->jobs[l->taken++];

			pthread_mutex_unlock(&l->lock);
			run_job(job);
			pthread_mutex_lock(&l->lock);
		} else if (l->is_complete) {
			break;
		} else {
			pthread_cond_wait(&l->changed, &l->lock);
		}
	}
	pthread_mutex_unlock(&l->lock);
}

static void *help(void *context)
{
	run_jobs(context);
	return NULL;
}

/*
 * libbpf is about to load a program, relocated and complete: it becomes a job, and libbpf loads
 * one that does nothing in its place, whose descriptor is replaced in the end.
 */
static int take_over(struct bpf_program *program, struct bpf_prog_load_opts *options, long cookie)
{
	struct load *l = (struct load *)cookie;
	struct bpf_insn nothing[] = {
	    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
	    {.code = BPF_JMP | BPF_EXIT},
	};
	struct job *job = &l->jobs[l->count];
	size_t known = sizeof(job->options);

	if (l->count == JOBS_MAX)
		return 0;
	job->size = bpf_program__insn_cnt(program);
	job->code = malloc(job->size * sizeof(*job->code));
	if (!job->code)
		return -ENOMEM;
	memcpy(job->code, bpf_program__insns(program), job->size * sizeof(*job->code));
	job->program = program;
	for (size_t i = 0; i < l->function_count; i++)
		if (l->functions[i].program == program)
			options->attach_btf_id = l->functions[i].type_id;
	memcpy(&job->options, options, options->sz < known ? options->sz : known);
	job->options.sz = options->sz < known ? options->sz : known;
	options->func_info_cnt = 0;
	options->line_info_cnt = 0;
	pthread_mutex_lock(&l->lock);
	l->count++;
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->lock);
	return bpf_program__set_insns(program, nothing, sizeof(nothing) / sizeof(*nothing));
}

struct load *load_begin(unsigned helpers)
{
	struct load *l = calloc(1, sizeof(*l));
	LIBBPF_OPTS(libbpf_prog_handler_opts, options, .cookie = (long)l,
		    .prog_prepare_load_fn = take_over);

	if (!l)
		return NULL;
	l->handlers[0] = libbpf_register_prog_handler("tp_btf+", BPF_PROG_TYPE_TRACING,
						      BPF_TRACE_RAW_TP, &options);
	if (l->handlers[0] < 0) {
		free(l);
		return NULL;
	}
	/* Without it those are loaded by libbpf. */
	l->handlers[1] =
	    libbpf_register_prog_handler("raw_tp+", BPF_PROG_TYPE_RAW_TRACEPOINT, 0, &options);
	l->handlers[2] = libbpf_register_prog_handler("fentry+", BPF_PROG_TYPE_TRACING,
						      BPF_TRACE_FENTRY, &options);
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->changed, NULL);
	while (l->helper_count < helpers && l->helper_count < HELPERS_MAX &&
	       pthread_create(&l->helpers[l->helper_count], NULL, help, l) == 0)
		l->helper_count++;
	return l;
}

int load_set_targets(struct bpf_object *object)
{
	struct bpf_program *program;
	int status = 0;

	bpf_object__for_each_program(program, object)
	{
		const char *section = bpf_program__section_name(program);

		if (status == 0 && bpf_program__autoload(program) &&
		    strncmp(section, SECTION, strlen(SECTION)) == 0)
			status =
			    bpf_program__set_attach_target(program, 0, section + strlen(SECTION));
	}
	return status;
}

void load_set_function(struct load *l, const struct bpf_program *program, uint32_t type_id)
{
	if (!l || l->function_count == FUNCTIONS_MAX)
		return;
	l->functions[l->function_count].program = program;
	l->functions[l->function_count++].type_id = type_id;
}

static void say_refusal(const struct job *job, struct buffer *said)
{
	buffer_printf(said, "%s: %s", bpf_program__name(job->program), job->said);
}

static struct load_optional *optional_of(const struct job *job, struct load_optional *optional,
					 size_t count)
{
	const char *name = bpf_program__name(job->program);

	for (size_t i = 0; i < count; i++)
		if (strncmp(name, optional[i].prefix, strlen(optional[i].prefix)) == 0)
			return &optional[i];
	return NULL;
}

int load_end(struct load *l, struct load_optional *optional, size_t count, struct buffer *said)
{
	int status = 0;

	if (!l)
		return 0;
	pthread_mutex_lock(&l->lock);
	l->is_complete = true;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
	run_jobs(l);
	for (size_t i = 0; i < l->helper_count; i++)
		pthread_join(l->helpers[i], NULL);
	for (size_t i = 0; i < l->count; i++) {
		struct job *job = &l->jobs[i];
		int place = bpf_program__fd(job->program);

		struct load_optional *may_lack = optional_of(job, optional, count);

		if (job->fd < 0 && may_lack) {
			if (!may_lack->is_left_out && may_lack->said)
				say_refusal(job, may_lack->said);
			may_lack->is_left_out = true;
		} else if (job->fd < 0 && status == 0) {
			status = job->fd;
			say_refusal(job, said);
		}
		if (job->fd >= 0 && place >= 0 && dup3(job->fd, place, O_CLOEXEC) < 0 &&
		    status == 0)
			status = -errno;
		if (job->fd >= 0)
			close(job->fd);
		free(job->code);
	}
	for (size_t i = 0; i < HANDLERS; i++)
		if (l->handlers[i] >= 0)
			libbpf_unregister_prog_handler(l->handlers[i]);
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->lock);
	free(l);
	return status;
}
