-- The schema "unstuck" after all migrations, as PostgreSQL 18 describes it. Written by `npm run docs` from src/sql/migrations: change that.
-- The days of finished, attempts and events are partitions that the engine makes a week ahead and drops; they are left out here.

-- Domains

create domain addresses as jsonb constraint jobs_notify CHECK (pg_column_size(VALUE) <= 12000 AND jsonb_path_exists(VALUE, '$[0]'::jsonpath) AND NOT jsonb_path_exists(VALUE, '$[5]'::jsonpath) AND NOT jsonb_path_exists(VALUE, '$[*]?(!(((@."webhook".type() == "string" && @."webhook" like_regex "^https?://[^[:space:]/?#@]+([/?#][^[:space:]]*)?$") && !(exists (@."email")) || (@."email".type() == "string" && @."email" like_regex "^[^[:space:]@]+@[^[:space:]@]+$") && !(exists (@."webhook"))) && (!(exists (@."for_ms")) || (@."for_ms".type() == "number" && @."for_ms" >= 1000) && @."for_ms" <= 2592000000)))'::jsonpath));

create domain attempt as integer constraint jobs_bounds CHECK (VALUE >= 0 AND VALUE <= 1000000);

create domain attempts_max as integer constraint jobs_bounds CHECK (VALUE >= 1 AND VALUE <= 1000);

create domain crashes as smallint constraint jobs_bounds CHECK (VALUE >= 0 AND VALUE <= 1000);

create domain gate as text collate "C" constraint jobs_gate CHECK (VALUE = ANY (ARRAY['admit'::text, 'hold'::text, 'slot'::text, 'time'::text, 'retry'::text, 'target'::text, 'limit'::text, 'executions'::text]));

create domain instant as timestamp with time zone constraint jobs_times_finite CHECK (isfinite(VALUE));

create domain job_type as text collate "C" constraint jobs_type CHECK (length(VALUE) >= 1 AND length(VALUE) <= 200);

create domain limit_key as text collate "C" constraint jobs_link_bounds CHECK (length(VALUE) >= 1 AND length(VALUE) <= 700);

create domain ms as bigint constraint jobs_bounds CHECK (VALUE >= 100 AND VALUE <= '315360000000'::bigint);

create domain ordinal as integer constraint jobs_parent CHECK (VALUE >= 0 AND VALUE <= 999999);

create domain pool_key as text collate "C" constraint jobs_link_bounds CHECK (length(VALUE) >= 1 AND length(VALUE) <= 200);

create domain rank as integer constraint jobs_bounds CHECK (VALUE >= '-1000'::integer AND VALUE <= 1000);

create domain snoozes as integer constraint jobs_bounds CHECK (VALUE >= 0);

create domain token as bigint constraint jobs_bounds CHECK (VALUE >= 0 AND VALUE <= '4611686018427387904'::bigint);

create domain trace as jsonb constraint jobs_bounds CHECK (jsonb_typeof(VALUE) = 'object'::text AND pg_column_size(VALUE) <= 2000);

create domain unique_key as text collate "C" constraint jobs_bounds CHECK (length(VALUE) >= 1 AND length(VALUE) <= 500);

-- Tables

create table alerts (
  id uuid not null,
  rule text collate "C" not null,
  subject text collate "C" not null,
  severity text not null,
  state text not null,
  summary text not null,
  count bigint default 1 not null,
  detail jsonb default '{}'::jsonb not null,
  since timestamp with time zone not null,
  fired_at timestamp with time zone,
  fired_times integer default 0 not null,
  clear_since timestamp with time zone,
  resolved_at timestamp with time zone,
  told jsonb default '{}'::jsonb not null,
  acknowledged_at timestamp with time zone,
  acknowledged_by text,
  acknowledge_reason text,
  silenced_at timestamp with time zone,
  silenced_until timestamp with time zone,
  silenced_by text,
  silence_reason text,
  next_look timestamp with time zone,
  updated_at timestamp with time zone not null,
  constraint alerts_subject UNIQUE (rule, subject),
  constraint alerts_pkey PRIMARY KEY (id),
  constraint alerts_acknowledged CHECK (acknowledged_at IS NOT NULL OR acknowledged_by IS NULL AND acknowledge_reason IS NULL),
  constraint alerts_bounds CHECK (length(rule) >= 1 AND length(rule) <= 200 AND length(subject) >= 1 AND length(subject) <= 500 AND length(summary) >= 1 AND length(summary) <= 2000 AND count >= 0 AND fired_times >= 0 AND jsonb_typeof(told) = 'object'::text AND jsonb_typeof(detail) = 'object'::text),
  constraint alerts_live_has_next_look CHECK (state = 'resolved'::text OR next_look IS NOT NULL),
  constraint alerts_severity CHECK (severity = ANY (ARRAY['info'::text, 'warning'::text, 'critical'::text])),
  constraint alerts_silenced CHECK (silenced_at IS NOT NULL OR silenced_until IS NULL AND silenced_by IS NULL AND silence_reason IS NULL),
  constraint alerts_state CHECK ((state = ANY (ARRAY['pending'::text, 'firing'::text, 'resolved'::text])) AND (state <> 'firing'::text OR fired_at IS NOT NULL)),
  constraint alerts_times_finite CHECK (isfinite(since) AND isfinite(fired_at) AND isfinite(clear_since) AND isfinite(resolved_at) AND isfinite(silenced_until) AND isfinite(next_look))
) with (fillfactor=70);

create table attempts (
  job_id uuid not null,
  type text collate "C" not null,
  token bigint not null,
  attempt integer not null,
  worker_id uuid,
  outcome text not null,
  error jsonb,
  started_at timestamp with time zone,
  ended_at timestamp with time zone not null,
  constraint attempts_outcome CHECK (outcome = ANY (ARRAY['failed'::text, 'timed-out'::text, 'lost'::text, 'released'::text, 'snoozed'::text, 'stale'::text, 'cancelled'::text]))
) partition by range (ended_at);

create table audit (
  id uuid not null,
  at timestamp with time zone not null,
  by text,
  action text not null,
  reason text,
  detail jsonb default '{}'::jsonb not null,
  runner uuid,
  beat_at timestamp with time zone,
  constraint audit_pkey PRIMARY KEY (id)
);

create table bridges (
  name text collate "C" not null,
  list text not null,
  dead_list text not null,
  take_from text not null,
  address text not null,
  every_ms bigint not null,
  late_ms bigint not null,
  state text default 'new'::text not null,
  last_error text,
  away_at timestamp with time zone,
  looked_at timestamp with time zone,
  next_look timestamp with time zone not null,
  waiting bigint default 0 not null,
  waiting_oldest_at timestamp with time zone,
  waiting_growth double precision,
  processing bigint default 0 not null,
  processing_oldest_at timestamp with time zone,
  processing_growth double precision,
  dead bigint default 0 not null,
  dead_oldest_at timestamp with time zone,
  dead_growth double precision,
  head_mark text,
  dead_mark text,
  taken_times bigint default 0 not null,
  base_at timestamp with time zone,
  base_waiting bigint,
  base_processing bigint,
  base_dead bigint,
  lost_look_at timestamp with time zone,
  lost_times bigint default 0 not null,
  lost_ids text[] default '{}'::text[] not null,
  created_at timestamp with time zone default clock() not null,
  updated_at timestamp with time zone default clock() not null,
  constraint bridges_pkey PRIMARY KEY (name),
  constraint bridges_away CHECK ((state = 'away'::text) = (last_error IS NOT NULL) AND (state = 'away'::text) = (away_at IS NOT NULL)),
  constraint bridges_bounds CHECK (every_ms >= 1000 AND every_ms <= 3600000 AND late_ms >= 1000 AND late_ms <= '315360000000'::bigint AND waiting >= 0 AND processing >= 0 AND dead >= 0 AND taken_times >= 0 AND lost_times >= 0 AND cardinality(lost_ids) <= 20),
  constraint bridges_name CHECK (length(name) >= 1 AND length(name) <= 200),
  constraint bridges_next_look CHECK (isfinite(next_look)),
  constraint bridges_oldest CHECK ((waiting = 0) = (waiting_oldest_at IS NULL) AND (processing = 0) = (processing_oldest_at IS NULL) AND (dead = 0) = (dead_oldest_at IS NULL)),
  constraint bridges_state CHECK (state = ANY (ARRAY['new'::text, 'up'::text, 'away'::text])),
  constraint bridges_take_from CHECK (take_from = ANY (ARRAY['left'::text, 'right'::text]))
) with (fillfactor=50);

create table claims (
  id uuid not null,
  worker_id uuid not null,
  job_ids uuid[] not null,
  expires_at timestamp with time zone not null,
  created_at timestamp with time zone not null,
  constraint claims_pkey PRIMARY KEY (id),
  constraint claims_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES workers(id) ON DELETE RESTRICT
) with (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000);

create table deliveries (
  id uuid default new_id() not null,
  purpose text collate "C" not null,
  channel text collate "C" not null,
  address text,
  payload jsonb not null,
  job_id uuid,
  state text collate "C" default 'pending'::text not null,
  attempts integer default 0 not null,
  token bigint default 0 not null,
  next_at timestamp with time zone default clock(),
  expires_at timestamp with time zone default (clock() + '3 days'::interval) not null,
  leased_until timestamp with time zone,
  last_error jsonb,
  created_at timestamp with time zone default clock() not null,
  delivered_at timestamp with time zone,
  failed_at timestamp with time zone,
  constraint deliveries_pkey PRIMARY KEY (id),
  constraint deliveries_bounds CHECK (length(channel) >= 1 AND length(channel) <= 200 AND length(address) >= 1 AND length(address) <= 12000 AND attempts >= 0 AND token >= 0 AND jsonb_typeof(payload) = 'object'::text),
  constraint deliveries_live_has_deadline CHECK ((state = 'pending'::text) = (next_at IS NOT NULL) AND (state = 'pending'::text OR leased_until IS NULL)),
  constraint deliveries_purpose CHECK ((purpose = ANY (ARRAY['notify'::text, 'alert'::text])) AND (purpose <> 'notify'::text OR job_id IS NOT NULL AND address IS NOT NULL)),
  constraint deliveries_state CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text])) AND (state = 'delivered'::text) = (delivered_at IS NOT NULL) AND (state = 'failed'::text) = (failed_at IS NOT NULL)),
  constraint deliveries_times_finite CHECK (isfinite(next_at) AND isfinite(expires_at) AND isfinite(leased_until))
) with (fillfactor=70, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000);

create table dispatches (
  job_id uuid not null,
  token bigint not null,
  target text collate "C" not null,
  digest bytea not null,
  state text not null,
  sends integer default 1 not null,
  sent_at timestamp with time zone not null,
  accepted_at timestamp with time zone,
  heard_at timestamp with time zone,
  look_at timestamp with time zone,
  closed_at timestamp with time zone,
  constraint dispatches_pkey PRIMARY KEY (job_id, token),
  constraint dispatches_open_is_looked_after CHECK ((state = 'closed'::text) = (look_at IS NULL) AND (state = 'closed'::text) = (closed_at IS NOT NULL)),
  constraint dispatches_state CHECK (state = ANY (ARRAY['sending'::text, 'accepted'::text, 'closed'::text]))
) with (fillfactor=70, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000);

create table events (
  job_id uuid,
  at timestamp with time zone not null,
  kind text not null,
  by text,
  reason text,
  detail jsonb
) partition by range (at);

create table executions (
  parent_id uuid not null,
  ordinal integer not null,
  child_id uuid not null,
  state text collate "C" not null,
  attempt integer not null,
  result jsonb,
  error jsonb,
  finished_at timestamp with time zone not null,
  constraint executions_pkey PRIMARY KEY (parent_id, ordinal),
  constraint executions_state CHECK (state = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text]))
);

create table fan_outs (
  parent_id uuid not null,
  child_type text not null,
  axes json not null,
  expected integer not null,
  success double precision not null,
  finish_at timestamp with time zone,
  created_at timestamp with time zone not null,
  constraint fan_outs_pkey PRIMARY KEY (parent_id),
  constraint fan_outs_expected CHECK (expected >= 0 AND expected <= 1000000),
  constraint fan_outs_success CHECK (success >= 0::double precision AND success <= 1::double precision)
);

create table findings (
  kind text not null,
  subject text not null,
  reason text not null,
  action text not null,
  count bigint not null,
  oldest timestamp with time zone not null,
  first_seen timestamp with time zone not null,
  last_seen timestamp with time zone not null,
  next_look timestamp with time zone not null,
  constraint findings_pkey PRIMARY KEY (kind, subject)
);

create table finished (
  id uuid not null,
  seq bigint not null,
  lane smallint not null,
  type text collate "C" not null,
  rank integer not null,
  input jsonb not null,
  run_at timestamp with time zone,
  finish_by timestamp with time zone,
  worker_id uuid,
  token bigint not null,
  attempt integer not null,
  started_at timestamp with time zone,
  created_at timestamp with time zone not null,
  attempts_max integer,
  crashes smallint not null,
  snoozes integer not null,
  timeout_ms bigint,
  claim_within_ms bigint,
  wants_pool text,
  limit_key text,
  unique_key text,
  parent_id uuid,
  ordinal integer,
  tags text[] not null,
  progress real,
  progress_note text,
  trace jsonb,
  notify jsonb,
  state text collate "C" not null,
  finished_at timestamp with time zone not null,
  done_token bigint,
  result jsonb,
  error jsonb,
  reason text,
  constraint finished_state CHECK (state = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text]))
) partition by list (state);

create table job_types (
  type text collate "C" not null,
  queue text collate "C" not null,
  timeout_ms bigint not null,
  claim_within_ms bigint not null,
  attempts_max integer not null,
  backoff_base_ms bigint not null,
  backoff_max_ms bigint not null,
  defined_at timestamp with time zone not null,
  limit_key text,
  needs_pool boolean default false not null,
  targets text[],
  constraint job_types_pkey PRIMARY KEY (type),
  constraint job_types_queue_fkey FOREIGN KEY (queue) REFERENCES queues(name),
  constraint job_types_targets CHECK (cardinality(targets) >= 1 AND cardinality(targets) <= 20)
);

create table jobs (
  id uuid default new_id() not null,
  seq bigint generated by default as identity not null,
  lane smallint default 0 not null,
  type job_type not null,
  rank rank default 0 not null,
  input jsonb default '{}'::jsonb not null,
  waits_for gate default 'admit'::text,
  wake_at instant default clock(),
  claim_by instant,
  run_at instant,
  finish_by instant,
  worker_id uuid,
  token token default 0 not null,
  attempt attempt default 0 not null,
  started_at timestamp with time zone,
  expires_at instant,
  updated_at timestamp with time zone default clock() not null,
  created_at timestamp with time zone default clock() not null,
  attempts_max attempts_max,
  crashes crashes default 0 not null,
  waits_alone boolean default false not null,
  snoozes snoozes default 0 not null,
  timeout_ms ms,
  claim_within_ms ms,
  wants_pool pool_key,
  slot_pool pool_key,
  limit_key limit_key,
  unique_key unique_key,
  parent_id uuid,
  ordinal ordinal,
  tags text[] default '{}'::text[] not null,
  progress real,
  progress_note text,
  error jsonb,
  trace trace,
  notify addresses,
  constraint jobs_pkey PRIMARY KEY (id),
  constraint jobs_admitted CHECK (NOT waits_for::text IS DISTINCT FROM 'admit'::text OR attempts_max IS NOT NULL AND claim_within_ms IS NOT NULL),
  constraint jobs_lane_in_id CHECK (lane = get_byte(uuid_send(id), 15)),
  constraint jobs_lanes_later CHECK (lane = 0),
  constraint jobs_limit CHECK (waits_for::text IS DISTINCT FROM 'limit'::text OR limit_key IS NOT NULL),
  constraint jobs_live_has_deadline CHECK (
CASE
    WHEN waits_for IS NOT NULL THEN wake_at IS NOT NULL AND claim_by IS NULL AND worker_id IS NULL
    WHEN worker_id IS NULL THEN claim_by IS NOT NULL AND wake_at IS NULL
    ELSE expires_at IS NOT NULL AND started_at IS NOT NULL AND wake_at IS NULL AND token::bigint > 0 AND attempt::integer > 0
END),
  constraint jobs_parent CHECK ((parent_id IS NULL) = (ordinal IS NULL)),
  constraint jobs_running_has_worker CHECK (worker_id IS NOT NULL OR started_at IS NULL AND expires_at IS NULL AND NOT waits_alone),
  constraint jobs_slot CHECK (
CASE
    WHEN wants_pool IS NULL THEN slot_pool IS NULL AND waits_for::text IS DISTINCT FROM 'slot'::text
    ELSE (slot_pool IS NULL) = (COALESCE(waits_for::text, ''::text) = ANY (ARRAY['admit'::text, 'hold'::text, 'slot'::text])) AND slot_pool::text = wants_pool::text
END)
) with (fillfactor=45, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=20000, autovacuum_vacuum_cost_delay=0, autovacuum_analyze_scale_factor=0, autovacuum_analyze_threshold=50000, autovacuum_vacuum_insert_scale_factor=0, autovacuum_vacuum_insert_threshold=200000);

create table key_windows (
  key text collate "C" not null,
  until timestamp with time zone not null,
  job_id uuid not null,
  constraint key_windows_pkey PRIMARY KEY (key)
);

create table limit_keys (
  key text collate "C" not null,
  let_in bigint default 0 not null,
  started timestamp with time zone[] default '{}'::timestamp with time zone[] not null,
  used_at timestamp with time zone not null,
  constraint limit_keys_pkey PRIMARY KEY (key)
) with (fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000);

create table limits (
  name text collate "C" not null,
  running integer,
  rate_count integer,
  rate_ms bigint,
  set_by text,
  updated_at timestamp with time zone not null,
  constraint limits_pkey PRIMARY KEY (name),
  constraint limits_name CHECK (length(name) >= 1 AND length(name) <= 210),
  constraint limits_rate CHECK ((rate_count IS NULL) = (rate_ms IS NULL)),
  constraint limits_rate_count CHECK (rate_count >= 1 AND rate_count <= 1000),
  constraint limits_rate_ms CHECK (rate_ms >= 100 AND rate_ms <= '31536000000'::bigint),
  constraint limits_running CHECK (running >= 1 AND running <= 100000),
  constraint limits_some CHECK (running IS NOT NULL OR rate_count IS NOT NULL)
);

create table migrations (
  number integer not null,
  name text not null,
  needs integer not null,
  applied_at timestamp with time zone default clock_timestamp() not null,
  constraint migrations_pkey PRIMARY KEY (number)
);

create table pauses (
  kind text collate "C" not null,
  name text collate "C" not null,
  reason text,
  by text,
  at timestamp with time zone not null,
  until timestamp with time zone,
  constraint pauses_pkey PRIMARY KEY (kind, name),
  constraint pauses_kind CHECK (kind = ANY (ARRAY['type'::text, 'queue'::text]))
);

create table pool_done (
  pool text collate "C" not null,
  n bigint not null
) with (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=10000);

create table pools (
  key text collate "C" not null,
  capacity integer not null,
  processed bigint default 0 not null,
  let_in bigint default 0 not null,
  version bigint default 0 not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  constraint pools_pkey PRIMARY KEY (key),
  constraint pools_capacity CHECK (capacity >= 0 AND capacity <= 1000000),
  constraint pools_key CHECK (length(key) >= 1 AND length(key) <= 200)
) with (fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000);

create table queues (
  name text collate "C" not null,
  constraint queues_pkey PRIMARY KEY (name)
);

create table requests (
  sender text collate "C" not null,
  key text collate "C" not null,
  digest text not null,
  answers jsonb,
  at timestamp with time zone not null,
  constraint requests_pkey PRIMARY KEY (sender, key)
);

create table row_errors (
  job_id uuid not null,
  task text not null,
  code text not null,
  message text not null,
  count integer not null,
  last_at timestamp with time zone not null,
  constraint row_errors_pkey PRIMARY KEY (job_id, task)
);

create table schedules (
  name text collate "C" not null,
  type text collate "C" not null,
  input jsonb default '{}'::jsonb not null,
  cron text,
  every_ms bigint,
  anchor timestamp with time zone,
  timezone text default 'UTC'::text not null,
  missed text default 'once'::text not null,
  missed_max integer default 100 not null,
  overlap text default 'skip'::text not null,
  rank integer default 0 not null,
  tags text[] default '{}'::text[] not null,
  claim_within_ms bigint,
  attempts_max integer,
  wants_pool text collate "C",
  when_full text,
  limit_key text collate "C",
  next_at timestamp with time zone not null,
  computed_at timestamp with time zone default clock() not null,
  last_at timestamp with time zone,
  last_job_id uuid,
  fired_to timestamp with time zone,
  fired_times bigint default 0 not null,
  missed_times bigint default 0 not null,
  skipped_times bigint default 0 not null,
  last_skipped_at timestamp with time zone,
  paused_at timestamp with time zone,
  paused_until timestamp with time zone,
  pause_reason text,
  paused_by text,
  error jsonb,
  error_at timestamp with time zone,
  errors integer default 0 not null,
  retry_at timestamp with time zone,
  created_at timestamp with time zone default clock() not null,
  updated_at timestamp with time zone default clock() not null,
  constraint schedules_pkey PRIMARY KEY (name),
  constraint schedules_bounds CHECK (every_ms >= 1000 AND every_ms <= '315360000000'::bigint AND missed_max >= 1 AND missed_max <= 1000 AND rank >= '-1000'::integer AND rank <= 1000 AND claim_within_ms >= 100 AND claim_within_ms <= '315360000000'::bigint AND attempts_max >= 1 AND attempts_max <= 1000 AND length(cron) >= 1 AND length(cron) <= 500 AND fired_times >= 0 AND missed_times >= 0 AND skipped_times >= 0 AND errors >= 0),
  constraint schedules_error CHECK ((error IS NULL) = (error_at IS NULL) AND (error IS NULL) = (retry_at IS NULL) AND (error IS NULL) = (errors = 0)),
  constraint schedules_missed CHECK (missed = ANY (ARRAY['skip'::text, 'once'::text, 'all'::text])),
  constraint schedules_name CHECK (length(name) >= 1 AND length(name) <= 200),
  constraint schedules_overlap CHECK (overlap = ANY (ARRAY['skip'::text, 'allow'::text, 'replace'::text])),
  constraint schedules_pause CHECK (paused_at IS NOT NULL OR paused_until IS NULL AND pause_reason IS NULL AND paused_by IS NULL),
  constraint schedules_rule CHECK (
CASE
    WHEN every_ms IS NULL THEN cron IS NOT NULL AND anchor IS NULL
    ELSE cron IS NULL AND anchor IS NOT NULL
END),
  constraint schedules_times_finite CHECK (isfinite(next_at) AND isfinite(computed_at) AND isfinite(anchor) AND isfinite(paused_at) AND isfinite(paused_until) AND isfinite(retry_at)),
  constraint schedules_type CHECK (length(type) >= 1 AND length(type) <= 200),
  constraint schedules_when_full CHECK ((when_full IS NULL) = (wants_pool IS NULL) AND (when_full = ANY (ARRAY['refuse'::text, 'wait'::text])))
) with (fillfactor=50);

create table sessions (
  digest bytea not null,
  token_id text collate "C",
  proof bytea,
  created_at timestamp with time zone default clock() not null,
  used_at timestamp with time zone default clock() not null,
  constraint sessions_pkey PRIMARY KEY (digest),
  constraint sessions_token_id_fkey FOREIGN KEY (token_id) REFERENCES tokens(id) ON DELETE CASCADE,
  constraint sessions_of_one CHECK ((token_id IS NULL) <> (proof IS NULL) AND octet_length(digest) = 32)
);

create table targets (
  name text collate "C" not null,
  worker_id uuid not null,
  url text not null,
  health_url text,
  status_url text,
  failures_max integer not null,
  probe_every_ms bigint not null,
  probe_for_ms bigint not null,
  probe_then_ms bigint not null,
  silence_ms bigint not null,
  ramp_max integer not null,
  state text default 'up'::text not null,
  since timestamp with time zone not null,
  down_since timestamp with time zone,
  failures integer default 0 not null,
  probes integer default 0 not null,
  last_probe_at timestamp with time zone,
  next_probe_at timestamp with time zone,
  last_ok_at timestamp with time zone,
  last_failed_at timestamp with time zone,
  last_error jsonb,
  hold_until timestamp with time zone,
  trial_job uuid,
  ramp integer default 1 not null,
  ramp_at timestamp with time zone,
  paused_at timestamp with time zone,
  paused_until timestamp with time zone,
  paused_by text,
  paused_reason text,
  defined_at timestamp with time zone not null,
  constraint targets_worker_id_key UNIQUE (worker_id),
  constraint targets_pkey PRIMARY KEY (name),
  constraint targets_down_is_probed CHECK ((state = 'up'::text) = (next_probe_at IS NULL) AND (state = 'up'::text) = (down_since IS NULL)),
  constraint targets_failures_max CHECK (failures_max >= 1 AND failures_max <= 1000),
  constraint targets_name CHECK (length(name) >= 1 AND length(name) <= 200),
  constraint targets_ramp_max CHECK (ramp_max >= 1 AND ramp_max <= 10000),
  constraint targets_schedule CHECK (LEAST(probe_every_ms, probe_then_ms, silence_ms) >= 1000 AND probe_for_ms >= 0 AND GREATEST(probe_every_ms, probe_for_ms, probe_then_ms, silence_ms) <= '315360000000'::bigint),
  constraint targets_state CHECK (state = ANY (ARRAY['up'::text, 'down'::text, 'half-open'::text]))
) with (fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000);

create table ticks (
  name text not null,
  next_at timestamp with time zone not null,
  last_ok_at timestamp with time zone,
  constraint ticks_pkey PRIMARY KEY (name)
) with (fillfactor=50);

create table tokens (
  number bigint not null,
  id text collate "C" not null,
  digest bytea not null,
  name text not null,
  scopes text[] not null,
  created_at timestamp with time zone default clock() not null,
  created_by text,
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  revoked_by text,
  revoke_reason text,
  last_used_at timestamp with time zone,
  constraint tokens_number_key UNIQUE (number),
  constraint tokens_pkey PRIMARY KEY (id),
  constraint tokens_bounds CHECK (length(name) >= 1 AND length(name) <= 200 AND cardinality(scopes) >= 1 AND cardinality(scopes) <= 20 AND octet_length(digest) = 32),
  constraint tokens_revoked CHECK (revoked_at IS NOT NULL OR revoked_by IS NULL AND revoke_reason IS NULL),
  constraint tokens_times_finite CHECK (isfinite(created_at) AND isfinite(expires_at) AND isfinite(revoked_at))
);

create table workers (
  id uuid not null,
  name text not null,
  host text not null,
  pid integer not null,
  pid_started text not null,
  lock_key integer,
  lease_ms integer not null,
  lease_until timestamp with time zone not null,
  beat_at timestamp with time zone not null,
  lost_since timestamp with time zone,
  state text not null,
  types text[] not null,
  concurrency integer not null,
  running integer default 0 not null,
  ghosts integer default 0 not null,
  loop_lag_ms integer default 0 not null,
  version text not null,
  started_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  stalled text[] default '{}'::text[] not null,
  pull boolean default false not null,
  constraint workers_pkey PRIMARY KEY (id),
  constraint workers_state CHECK (state = ANY (ARRAY['live'::text, 'stopping'::text, 'dead'::text, 'stopped'::text]))
) with (fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000);

create table finished_cancelled partition of finished FOR VALUES IN ('cancelled') partition by range (finished_at);

create table finished_completed partition of finished FOR VALUES IN ('completed') partition by range (finished_at);

create table finished_failed partition of finished FOR VALUES IN ('failed') partition by range (finished_at);

-- Indexes

CREATE INDEX alerts_live ON unstuck.alerts USING btree (next_look) WHERE (next_look IS NOT NULL);

CREATE INDEX alerts_over ON unstuck.alerts USING btree (updated_at) WHERE (next_look IS NULL);

CREATE INDEX attempts_job ON ONLY unstuck.attempts USING btree (job_id);

CREATE INDEX audit_carried ON unstuck.audit USING btree (beat_at) WHERE (runner IS NOT NULL);

CREATE INDEX claims_worker ON unstuck.claims USING btree (worker_id);

CREATE INDEX deliveries_alerts ON unstuck.deliveries USING btree (state, channel, COALESCE(delivered_at, failed_at)) WHERE ((purpose = 'alert'::text) AND (state <> 'pending'::text));

CREATE INDEX deliveries_channel ON unstuck.deliveries USING btree (purpose, channel, next_at) WHERE (state = 'pending'::text);

CREATE INDEX deliveries_due ON unstuck.deliveries USING btree (next_at) WHERE (state = 'pending'::text);

CREATE INDEX deliveries_ended ON unstuck.deliveries USING btree (COALESCE(delivered_at, failed_at)) WHERE (state <> 'pending'::text);

CREATE INDEX deliveries_job ON unstuck.deliveries USING btree (job_id) WHERE (job_id IS NOT NULL);

CREATE INDEX dispatches_closed ON unstuck.dispatches USING btree (closed_at) WHERE (closed_at IS NOT NULL);

CREATE INDEX dispatches_look ON unstuck.dispatches USING btree (target, look_at) WHERE (look_at IS NOT NULL);

CREATE INDEX events_job ON ONLY unstuck.events USING btree (job_id);

CREATE INDEX finished_id ON ONLY unstuck.finished USING btree (id);

CREATE INDEX jobs_alone ON unstuck.jobs USING btree (type, rank, seq) WHERE ((waits_for IS NULL) AND ((crashes)::smallint > 0));

CREATE UNIQUE INDEX jobs_child ON unstuck.jobs USING btree (parent_id, ordinal) WHERE (parent_id IS NOT NULL);

CREATE INDEX jobs_finish_by ON unstuck.jobs USING btree (finish_by) WHERE (finish_by IS NOT NULL);

CREATE INDEX jobs_limit_held ON unstuck.jobs USING btree (limit_key) WHERE ((limit_key IS NOT NULL) AND (waits_for IS NULL));

CREATE INDEX jobs_limit_waiting ON unstuck.jobs USING btree (limit_key, rank, seq) WHERE ((waits_for)::text = 'limit'::text);

CREATE INDEX jobs_parked ON unstuck.jobs USING btree (type, rank, seq) WHERE ((waits_for)::text = 'target'::text);

CREATE INDEX jobs_ready ON unstuck.jobs USING btree (type, rank, seq) WHERE (waits_for IS NULL);

CREATE INDEX jobs_slot_held ON unstuck.jobs USING btree (slot_pool) WHERE (slot_pool IS NOT NULL);

CREATE INDEX jobs_slot_waiting ON unstuck.jobs USING btree (wants_pool, rank, seq) WHERE ((waits_for)::text = 'slot'::text);

CREATE UNIQUE INDEX jobs_unique_key ON unstuck.jobs USING btree (unique_key) WHERE (unique_key IS NOT NULL);

CREATE INDEX jobs_waiting ON unstuck.jobs USING btree (waits_for, wake_at) WHERE (waits_for IS NOT NULL);

CREATE INDEX pool_done_pool ON unstuck.pool_done USING btree (pool);

CREATE INDEX requests_at ON unstuck.requests USING btree (at);

CREATE INDEX schedules_computed ON unstuck.schedules USING btree (computed_at);

CREATE INDEX schedules_error ON unstuck.schedules USING btree (error_at) WHERE (error IS NOT NULL);

CREATE INDEX schedules_next ON unstuck.schedules USING btree (next_at);

CREATE INDEX sessions_token ON unstuck.sessions USING btree (token_id);

CREATE INDEX sessions_used ON unstuck.sessions USING btree (used_at);

-- Sequences

create sequence lock_keys as integer cycle;

-- Functions

CREATE OR REPLACE FUNCTION unstuck.clock()
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$select statement_timestamp()$function$
;

CREATE OR REPLACE FUNCTION unstuck.enqueue(type text, input jsonb DEFAULT '{}'::jsonb, priority integer DEFAULT 0, run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, finish_by timestamp with time zone DEFAULT NULL::timestamp with time zone, key text DEFAULT NULL::text, tags text[] DEFAULT '{}'::text[], pool text DEFAULT NULL::text, traceparent text DEFAULT NULL::text, notify jsonb DEFAULT NULL::jsonb)
 RETURNS uuid
 LANGUAGE plpgsql
AS $function$
  declare made uuid;
  begin
    if enqueue.pool is not null and not exists (select from "unstuck".pools p where p.key = enqueue.pool) then
      raise exception 'unstuck.enqueue: there is no pool %. Set its capacity first.', enqueue.pool using errcode = '23503';
    end if;
    for round in 1 .. 100 loop
      insert into "unstuck".jobs (type, input, rank, run_at, finish_by, unique_key, tags, wants_pool, trace, notify)
        values (enqueue.type, enqueue.input, -enqueue.priority, enqueue.run_at, enqueue.finish_by, enqueue.key, enqueue.tags, enqueue.pool,
          case when enqueue.traceparent ~ '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'
            then jsonb_build_object('traceparent', enqueue.traceparent) end, enqueue.notify)
        on conflict do nothing returning jobs.id into made;
      if made is not null then return made; end if;
      select j.id into made from "unstuck".jobs j where j.unique_key = enqueue.key;
      if made is not null then return made; end if;
    end loop;
    raise exception 'unstuck.enqueue: the key % is taken and freed again all the time', enqueue.key using errcode = '40001';
  end $function$
;

CREATE OR REPLACE FUNCTION unstuck.go_on(parents uuid[], pools text[], keys text[], told boolean)
 RETURNS TABLE(kind text, name text)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
  #variable_conflict use_column
  declare k text; woken record; moved jsonb; served text[]; reached text[] := keys; ready text[] := '{}'; busy text[] := '{}';
  begin
    for woken in select w.type, w.limit_key from "unstuck".wake_parents(parents) w loop
      if woken.limit_key is null then ready := ready || woken.type; else reached := reached || woken.limit_key; end if;
    end loop;
    foreach k in array array(select distinct x from unnest(pools) x where x is not null order by 1) loop
      continue when not exists (select from "unstuck".jobs w where w.wants_pool = k and w.waits_for = 'slot');
      moved := "unstuck".let_into_pool(k);
      if moved is null then
        busy := busy || k;
      else
        ready := ready || array(select jsonb_array_elements_text(moved -> 0));
        reached := reached || array(select jsonb_array_elements_text(moved -> 1));
      end if;
    end loop;
    foreach k in array array(select distinct x from unnest(reached) x where x is not null order by 1) loop
      continue when not exists (select from "unstuck".jobs w where w.limit_key = k and w.waits_for = 'limit');
      served := coalesce(served, "unstuck".served_types());
      ready := ready || "unstuck".let_into_limit(k, served);
    end loop;
    if told and ready <> '{}' then
      select 'ready:' || string_agg(distinct x, ',') into k from unnest(ready) x;
      perform pg_notify('unstuck', case when length(k) < 2000 then k else 'ready:*' end);
    end if;
    return query select distinct 'ready', x from unnest(ready) x union all select 'busy', x from unnest(busy) x;
  end $function$
;

CREATE OR REPLACE FUNCTION unstuck.let_into_limit(k text, served text[])
 RETURNS text[]
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
  declare
    l record; used integer; room integer; lets bigint; starts timestamptz[]; types text[] := served; one uuid; moved text; ready text[] := '{}';
  begin
    insert into "unstuck".limit_keys (key, used_at) values (k, "unstuck".clock()) on conflict do nothing;
    perform from "unstuck".limit_keys o where o.key = k for update;
    if not found then return ready; end if; -- Forgotten in between, as unused: the sweep comes again.
    -- The amounts as they are now, not as they were before the wait for the lock.
    select o.let_in, m.running, m.rate_count, array(select s from unnest(o.started) s
        -- What lies further ahead than that was noted before the clock was put back.
        where s > "unstuck".clock() - m.rate_ms * interval '1 ms' and s < "unstuck".clock() + m.rate_ms * interval '1 ms') as started
      into l from "unstuck".limit_keys o left join "unstuck".limits m on m.name = split_part(k, '#', 1) where o.key = k;
    select count(*) into used from (select from "unstuck".jobs h where h.limit_key = k and h.waits_for is null limit coalesce(l.running, 0)) c;
    room := least(coalesce(l.running, 1000) - used, 1000);
    if room <= 0 then
      update "unstuck".jobs j set (waits_for, wake_at, claim_by) = (
      select g.gate, case when g.gate = 'time' then null when g.gate is not null then "unstuck".clock() + j.claim_within_ms * interval '1 ms' end,
        case when g.gate is null then "unstuck".clock() + j.claim_within_ms * interval '1 ms' end
      from (select 'limit' as gate) g), seq = nextval('"unstuck".jobs_seq_seq'), updated_at = "unstuck".clock()
      where j.id = (select h.id from "unstuck".jobs h where h.limit_key = k and h.waits_for is null and h.worker_id is null and not h.type = any(served)
          limit 1 for update skip locked)
        and exists (select from "unstuck".jobs w where w.limit_key = k and w.waits_for = 'limit' and w.type = any(served));
      if found then room := room + 1; end if;
    end if;
    if l.rate_count is not null then
      select count(*) into used from (select from "unstuck".jobs h
        where h.limit_key = k and h.waits_for is null and h.worker_id is null limit l.rate_count) c;
      room := least(room, l.rate_count - cardinality(l.started), l.rate_count - used);
    end if;
    lets := l.let_in;
    starts := l.started;
    while room > 0 loop
      one := "unstuck".next_at_limit(k, lets % 10 = 9, types);
      if one is null then
        exit when types is null;
        types := null; -- Those that nobody handles now, where there is room beside the others.
        continue;
      end if;
      update "unstuck".jobs j set (waits_for, wake_at, claim_by) = (
      select g.gate, case when g.gate = 'time' then null when g.gate is not null then "unstuck".clock() + j.claim_within_ms * interval '1 ms' end,
        case when g.gate is null then "unstuck".clock() + j.claim_within_ms * interval '1 ms' end
      from (select null::text as gate) g), seq = nextval('"unstuck".jobs_seq_seq'), updated_at = "unstuck".clock()
      where j.id = one returning j.type into moved;
      ready := ready || moved;
      if l.rate_count is not null then starts := starts || "unstuck".clock(); end if;
      room := room - 1;
      lets := lets + 1;
    end loop;
    update "unstuck".limit_keys o set let_in = lets, started = starts, used_at = "unstuck".clock() where o.key = k and o.let_in < lets;
    return ready;
  end $function$
;

CREATE OR REPLACE FUNCTION unstuck.let_into_pool(k text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
  declare p record; moved record; used integer; lets bigint; one uuid; ready jsonb := '[]'; reached jsonb := '[]';
  begin
    select o.capacity, o.let_in into p from "unstuck".pools o where o.key = k for update skip locked;
    if not found then return null; end if;
    update "unstuck".pools o set version = o.version + 1 where o.key = k; -- A transaction that counts in an older snapshot must fail.
    select count(*) into used from (select from "unstuck".jobs h where h.slot_pool = k limit p.capacity) c;
    lets := p.let_in;
    while used < p.capacity and lets < p.let_in + 1000 loop
      one := "unstuck".next_at_slot(k, lets % 10 = 9);
      exit when one is null;
      update "unstuck".jobs j set slot_pool = k,
        (waits_for, wake_at, claim_by) = (
      select g.gate, case when g.gate = 'time' then j.run_at when g.gate is not null then "unstuck".clock() + j.claim_within_ms * interval '1 ms' end,
        case when g.gate is null then "unstuck".clock() + j.claim_within_ms * interval '1 ms' end
      from (select case when j.run_at > "unstuck".clock() then 'time' else case when j.limit_key is not null then 'limit' end end as gate) g),
        seq = nextval('"unstuck".jobs_seq_seq'), updated_at = "unstuck".clock()
      where j.id = one returning j.type, j.waits_for, j.limit_key into moved;
      if moved.waits_for is null then ready := ready || to_jsonb(moved.type); end if;
      if moved.waits_for = 'limit' then reached := reached || to_jsonb(moved.limit_key); end if;
      used := used + 1;
      lets := lets + 1;
    end loop;
    update "unstuck".pools o set let_in = lets where o.key = k and o.let_in < lets;
    return jsonb_build_array(ready, reached);
  end $function$
;

CREATE OR REPLACE FUNCTION unstuck.new_id(lane smallint DEFAULT 0)
 RETURNS uuid
 LANGUAGE sql
 PARALLEL SAFE
AS $function$
    select encode(set_byte(set_byte(
      overlay(uuid_send(gen_random_uuid())
        placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
      6, 112 + floor(random() * 16)::int), 15, lane), 'hex')::uuid
  $function$
;

CREATE OR REPLACE FUNCTION unstuck.next_at_limit(k text, oldest boolean, types text[])
 RETURNS uuid
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
  declare found_id uuid;
  begin
    if oldest then
      with recursive ranks (rank) as (
        (select j.rank from "unstuck".jobs j where j.limit_key = k and j.waits_for = 'limit' order by j.rank limit 1)
        union all
        select n.rank from ranks r cross join lateral (select j.rank from "unstuck".jobs j
          where j.limit_key = k and j.waits_for = 'limit' and j.rank > r.rank order by j.rank limit 1) n
      )
      select h.id into found_id from ranks r cross join lateral (
        select j.id, j.seq from "unstuck".jobs j
        where j.limit_key = k and j.waits_for = 'limit' and j.rank = r.rank and (types is null or j.type = any(types))
        order by j.seq limit 1 for update skip locked) h
      order by h.seq limit 1;
    end if;
    if found_id is null then
      select j.id into found_id from "unstuck".jobs j
        where j.limit_key = k and j.waits_for = 'limit' and (types is null or j.type = any(types))
        order by j.rank, j.seq limit 1 for update skip locked;
    end if;
    return found_id;
  end $function$
;

CREATE OR REPLACE FUNCTION unstuck.next_at_slot(pool text, oldest boolean)
 RETURNS uuid
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
  declare found_id uuid;
  begin
    if oldest then
      with recursive ranks (rank) as (
        (select j.rank from "unstuck".jobs j where j.wants_pool = pool and j.waits_for = 'slot' order by j.rank limit 1)
        union all
        select n.rank from ranks r cross join lateral (select j.rank from "unstuck".jobs j
          where j.wants_pool = pool and j.waits_for = 'slot' and j.rank > r.rank order by j.rank limit 1) n
      )
      select h.id into found_id from ranks r cross join lateral (
        select j.id, j.seq from "unstuck".jobs j where j.wants_pool = pool and j.waits_for = 'slot' and j.rank = r.rank
        order by j.seq limit 1 for update skip locked) h
      order by h.seq limit 1;
      return found_id;
    end if;
    select j.id into found_id from "unstuck".jobs j where j.wants_pool = pool and j.waits_for = 'slot'
      order by j.rank, j.seq limit 1 for update skip locked;
    return found_id;
  end $function$
;

CREATE OR REPLACE FUNCTION unstuck.open_window(wanted text, ms bigint, made uuid)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
  declare opener text;
  begin
    insert into "unstuck".key_windows as w (key, until, job_id) values (wanted, "unstuck".clock() + ms * interval '1 ms', made)
      on conflict (key) do update set until = excluded.until, job_id = excluded.job_id where w.until <= "unstuck".clock();
    if found then return null; end if;
    select w.job_id::text into opener from "unstuck".key_windows w where w.key = wanted;
    return opener;
  end $function$
;

CREATE OR REPLACE FUNCTION unstuck.refuse_passed()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
  begin
    if current_setting('unstuck.admission', true) is distinct from 'on' then
      raise exception 'a job that is inserted stands before the gates slot and limit: leave waits_for, wake_at, slot_pool to their defaults'
        using errcode = '23514', constraint = 'jobs_admission';
    end if;
    return new;
  end $function$
;

CREATE OR REPLACE FUNCTION unstuck.replace_input(wanted text, kind text, given jsonb, ranked integer, pool text, counts_at text, but uuid, told jsonb)
 RETURNS uuid
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
  declare changed uuid;
  begin
    update "unstuck".jobs j set input = given, rank = coalesce(ranked, 0), notify = coalesce(told, j.notify), updated_at = "unstuck".clock()
      where j.unique_key = wanted and j.id <> but and j.type = kind and j.worker_id is null
        and j.wants_pool is not distinct from pool and j.limit_key is not distinct from counts_at
      returning j.id into changed;
    return changed;
  end $function$
;

CREATE OR REPLACE FUNCTION unstuck.served_types()
 RETURNS text[]
 LANGUAGE sql
 STABLE
AS $function$
    select array(select distinct u.type from "unstuck".workers w cross join lateral unnest(w.types) as u (type)
      left join "unstuck".job_types y on y.type = u.type
      where w.state = 'live' and w.lease_until > "unstuck".clock() and not exists (select from "unstuck".pauses z
        where (z.kind, z.name) in (('type', u.type), ('queue', y.queue)) and (z.until is null or z.until > "unstuck".clock())))
  $function$
;

CREATE OR REPLACE FUNCTION unstuck.slots_above(child uuid)
 RETURNS text[]
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
  begin
    return array(
      with recursive ancestors (parent_id, slot_pool) as (
        select j.parent_id, j.slot_pool from "unstuck".jobs j where j.id = child
        union
        select p.parent_id, p.slot_pool from ancestors a join "unstuck".jobs p on p.id = a.parent_id
      )
      select a.slot_pool from ancestors a where a.slot_pool is not null);
  end $function$
;

CREATE OR REPLACE FUNCTION unstuck.store_jobs(given jsonb, claim_within bigint, attempts integer, parent uuid, worker uuid, fence bigint)
 RETURNS TABLE(id uuid, answer text, other text)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
  #variable_conflict use_column
  declare
    g record; y record; inherited text[] := '{}'; rooms jsonb; wants text; slot text; gate text; due timestamptz;
    within interval; made uuid; seqs bigint[];
  begin
    if parent is not null then
      perform from "unstuck".jobs j where j.id = parent and j.lane = 0 and j.worker_id = worker and j.token = fence for update;
      if not found then
        return query select null::uuid, 'stale', null::text; return;
      end if;
      inherited := "unstuck".slots_above(parent);
    end if;
    perform set_config('unstuck.admission', 'on', true);
    rooms := "unstuck".take_pools(array(select distinct x ->> 'pool' from jsonb_array_elements(given) x
      where x ->> 'pool' is not null and not x ->> 'pool' = any(inherited) order by 1));
    seqs := array(select nextval('"unstuck".jobs_seq_seq') from jsonb_array_elements(given));
    for g in select g.*, coalesce(g.input, 'null') as payload from -- The JSON value null has become no value at all.
       jsonb_to_recordset(given) as g (place integer, id uuid, type text, input jsonb, rank integer, hold boolean, run_at timestamptz,
        delay_ms bigint, finish_by timestamptz, claim_within_ms bigint, attempts_max integer, key text, tags text[], pool text, when_full text,
        limit_key text, key_mode text, key_window_ms bigint, ordinal integer, trace jsonb, notify jsonb) order by g.key nulls last, g.place loop
      id := g.id; answer := null; other := null;
      wants := case when not g.pool = any(inherited) then g.pool end;
      if wants is not null and not rooms ? wants then
        answer := 'pool-unknown'; other := wants; return next; continue;
      end if;
      if g.limit_key !~ '^(type|queue):' and not exists (select from "unstuck".limits l where l.name = split_part(g.limit_key, '#', 1)) then
        answer := 'limit-unknown'; other := split_part(g.limit_key, '#', 1); return next; continue;
      end if;
      if parent is not null and exists (select from "unstuck".executions e where e.parent_id = parent and e.ordinal = g.ordinal) then answer := 'ended'; return next; continue; end if;
      slot := case when not coalesce(g.hold, false) and (rooms ->> wants)::integer > 0 then wants end;
      if wants is not null and slot is null and not coalesce(g.hold, false) and g.when_full is distinct from 'wait' then
        made := case when g.key_mode = 'replace' -- The job that has the key may be the very one that holds the slot.
          then "unstuck".replace_input(g.key, g.type, g.payload, g.rank, wants, g.limit_key, g.id, g.notify) end;
        answer := case when made is not null then 'replaced'
          when exists (select from "unstuck".jobs j where j.id = g.id) or exists (select from "unstuck".jobs j where j.unique_key = g.key) then 'taken'
          else 'slots-exhausted' end;
        other := coalesce(made::text, wants); return next; continue;
      end if;
      due := coalesce(g.run_at, "unstuck".clock() + g.delay_ms * interval '1 ms');
      gate := case when g.hold then 'hold' when wants is not null and slot is null then 'slot' when due > "unstuck".clock() then 'time'
        when g.limit_key is not null then 'limit' end;
      select coalesce(g.claim_within_ms, (select s.claim_within_ms from "unstuck".job_types s where s.type = g.type), claim_within) as claim_within_ms,
        coalesce(g.attempts_max, (select s.attempts_max from "unstuck".job_types s where s.type = g.type), attempts) as attempts_max into y;
      within := y.claim_within_ms * interval '1 ms';
      insert into "unstuck".jobs (id, seq, type, rank, input, waits_for, wake_at, claim_by, run_at, finish_by, claim_within_ms, attempts_max, unique_key,
          tags, wants_pool, slot_pool, limit_key, parent_id, ordinal, trace, notify)
        values (g.id, seqs[g.place], g.type, coalesce(g.rank, 0), g.payload, gate,
          case when gate = 'hold' then "unstuck".clock() + interval '1 day' when gate = 'time' then due when gate is not null then "unstuck".clock() + within end,
          case when gate is null then "unstuck".clock() + within end, due, g.finish_by, y.claim_within_ms, y.attempts_max, g.key,
          coalesce(g.tags, '{}'), wants, slot, g.limit_key, parent, case when parent is not null then g.ordinal end, g.trace, g.notify)
        on conflict do nothing returning id into made;
      if made is null then
        made := case when g.key_mode = 'replace'
          then "unstuck".replace_input(g.key, g.type, g.payload, g.rank, wants, g.limit_key, g.id, g.notify) end;
        answer := case when made is null then 'taken' else 'replaced' end;
        other := made::text; return next; continue;
      end if;
      if g.key_window_ms is not null then
        other := "unstuck".open_window(g.key, g.key_window_ms, made);
        if other is not null then
          delete from "unstuck".jobs j where j.id = made;
          answer := 'key-window'; return next; continue;
        end if;
      end if;
      if slot is not null then rooms := jsonb_set(rooms, array[slot], to_jsonb((rooms ->> slot)::integer - 1)); end if;
      answer := 'created'; other := gate; return next;
    end loop;
    perform set_config('unstuck.admission', 'off', true);
  end $function$
;

CREATE OR REPLACE FUNCTION unstuck.take_pools(keys text[])
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
  declare k text; room integer; rooms jsonb := '{}';
  begin
    foreach k in array keys loop
      update "unstuck".pools p set version = p.version + 1 where p.key = k;
    end loop;
    foreach k in array keys loop
      select case when exists (select from "unstuck".jobs j where j.wants_pool = k and j.waits_for = 'slot') then 0
          else p.capacity - (select count(*) from (select from "unstuck".jobs j where j.slot_pool = k limit p.capacity) c) end
        into room from "unstuck".pools p where p.key = k;
      if found then rooms := rooms || jsonb_build_object(k, room); end if;
    end loop;
    return rooms;
  end $function$
;

CREATE OR REPLACE FUNCTION unstuck.tell_end()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
  declare
    result jsonb := new.result; error jsonb := new.error; cut boolean := false;
  begin
    if jsonb_typeof(error) = 'object' then error := error - 'stack'; end if;
    if length(result::text) > 20000 then result := to_jsonb(left(result::text, 20000)); cut := true; end if;
    if length(error::text) > 20000 then error := to_jsonb(left(error::text, 20000)); cut := true; end if;
    insert into "unstuck".deliveries (purpose, channel, address, payload, job_id, expires_at)
    select 'notify', case when a ? 'webhook' then 'webhook' else 'email' end, coalesce(a ->> 'webhook', a ->> 'email'),
      jsonb_build_object('job_id', new.id, 'type', new.type, 'state', new.state, 'key', new.unique_key, 'result', result, 'error', error,
        'reason', new.reason, 'truncated', cut, 'attempt', new.attempt, 'created_at', to_char(new.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'started_at', to_char(new.started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'finished_at', to_char(new.finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
      new.id, "unstuck".clock() + coalesce((a ->> 'for_ms')::numeric::bigint, 259200000) * interval '1 ms'
    from jsonb_path_query(new.notify, 'lax $[*]') a;
    return null;
  end $function$
;

CREATE OR REPLACE FUNCTION unstuck.wake_parents(parents uuid[])
 RETURNS TABLE(type text, limit_key text)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
  #variable_conflict use_column
  begin
    return query
      with asleep as materialized (
        select w.id from "unstuck".jobs w where w.id = any(parents) and w.waits_for = 'executions' order by w.id for update
      )
      update "unstuck".jobs j set (waits_for, wake_at, claim_by) = (
      select g.gate, case when g.gate = 'time' then null when g.gate is not null then "unstuck".clock() + j.claim_within_ms * interval '1 ms' end,
        case when g.gate is null then "unstuck".clock() + j.claim_within_ms * interval '1 ms' end
      from (select case when j.limit_key is not null then 'limit' end as gate) g), seq = nextval('"unstuck".jobs_seq_seq'), updated_at = "unstuck".clock()
      from asleep a where j.id = a.id and not exists (select from "unstuck".jobs c where c.parent_id = a.id)
      returning j.type::text, j.limit_key::text;
  end $function$
;

-- Triggers

CREATE TRIGGER finished_tells AFTER INSERT ON unstuck.finished FOR EACH ROW WHEN ((new.notify IS NOT NULL)) EXECUTE FUNCTION tell_end();

CREATE TRIGGER jobs_admission BEFORE INSERT ON unstuck.jobs FOR EACH ROW WHEN (((new.slot_pool IS NOT NULL) OR ((new.limit_key IS NOT NULL) AND (new.waits_for IS NULL)))) EXECUTE FUNCTION refuse_passed();

-- Views

create view all_jobs as
 SELECT j.id,
    j.seq,
    j.type,
        CASE
            WHEN j.waits_for IS NOT NULL THEN 'pending'::text
            WHEN j.worker_id IS NULL THEN 'queued'::text
            ELSE 'running'::text
        END AS state,
    COALESCE(j.waits_for::text,
        CASE
            WHEN j.worker_id IS NULL THEN 'worker'::text
            ELSE 'lease'::text
        END) AS waits_for,
        CASE
            WHEN j.waits_for IS NOT NULL THEN j.wake_at
            WHEN j.worker_id IS NULL THEN j.claim_by
            ELSE j.expires_at
        END AS deadline,
    - j.rank::integer AS priority,
    j.input,
    j.attempt,
    COALESCE(j.attempts_max::integer, 5) AS attempts_max,
    j.crashes,
    j.snoozes,
    j.token,
    NULL::jsonb AS result,
    j.error,
    NULL::text AS reason,
    j.progress,
    j.progress_note,
    j.unique_key AS key,
    j.tags,
    j.worker_id,
    j.created_at,
    j.updated_at,
    j.started_at,
    NULL::timestamp with time zone AS finished_at,
    j.run_at,
    j.finish_by,
    j.wants_pool AS pool,
    j.limit_key,
    j.parent_id,
    j.ordinal,
    j.trace::jsonb ->> 'traceparent'::text AS traceparent,
    j.notify
   FROM jobs j
UNION ALL
 SELECT f.id,
    f.seq,
    f.type,
    f.state,
    NULL::text AS waits_for,
    NULL::timestamp with time zone AS deadline,
    - f.rank AS priority,
    f.input,
    f.attempt,
    COALESCE(f.attempts_max, 5) AS attempts_max,
    f.crashes,
    f.snoozes,
    f.token,
    f.result,
    f.error,
    f.reason,
    f.progress,
    f.progress_note,
    f.unique_key AS key,
    f.tags,
    f.worker_id,
    f.created_at,
    f.finished_at AS updated_at,
    f.started_at,
    f.finished_at,
    f.run_at,
    f.finish_by,
    f.wants_pool AS pool,
    f.limit_key,
    f.parent_id,
    f.ordinal,
    f.trace ->> 'traceparent'::text AS traceparent,
    f.notify
   FROM finished f;

-- Comments

comment on constraint alerts_live_has_next_look on alerts is 'An alert that holds says when it is looked at again: none can go on for ever because nobody looks.';

comment on constraint deliveries_live_has_deadline on deliveries is 'What is still to be told says when it is tried next and when it is given up: none can be stuck.';

comment on constraint jobs_live_has_deadline on jobs is 'A live job says what it waits for and has the time at which something happens: no row can be stuck.';

comment on function clock() is 'The only clock: every stored instant comes from it; tests replace its body.';
