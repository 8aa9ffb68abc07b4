import type { Result } from '../../base/units/index.ts';
import type { TimelineEvent } from './event-timeline.ts';
import type { ExplainTarget, ExplainView } from './explain-view.ts';
import { forLoopback, type HttpAnswer, json, text } from './http-answer.ts';
import { NOTICE_ABOUT, NOTICE_PATH, type NoticeDoor } from './notice-hook.ts';
import type { ServerView } from './server-view.ts';

/** What the pages are read from. Each is called once per request that needs it. */
export interface HttpSources {
  view(): ServerView;
  explain(target: ExplainTarget): Result<ExplainView>;
  readonly events: {
    list(query: { readonly after?: number; readonly limit?: number }): readonly TimelineEvent[];
  };
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** Why the server is not ready; empty when it is. */
  readiness(): readonly string[];
  /** Undefined: no notices are taken. */
  readonly notices?: NoticeDoor | undefined;
}

/** `Monitoring` is what a listener beyond loopback has: who asks there is known to nobody. */
export type HttpScope = 'All' | 'Monitoring';

type Route = {
  readonly about: string;
  /** Tells names and addresses of sidecars and servers, and parts of the policy. */
  readonly confidential?: true;
  readonly answer: (sources: HttpSources, query: URLSearchParams, scope: HttpScope) => HttpAnswer | Promise<HttpAnswer>;
};

const MAX_EVENTS = 1000;

const ROUTES: Readonly<Record<string, Route>> = {
  '/metrics': {
    about: 'metrics for Prometheus',
    answer: async ({ metrics }) => ({
      status: 200,
      type: metrics.contentType,
      body: await metrics.text(),
      headers: {},
    }),
  },
  '/livez': {
    about: 'whether the process answers',
    answer: () => json(200, { status: 'alive' }),
  },
  '/readyz': {
    about: 'whether Envoys are served, and if not, why',
    answer: (sources) => {
      const reasons = sources.readiness();
      return json(reasons.length === 0 ? 200 : 503, { status: reasons.length === 0 ? 'ready' : 'not ready', reasons });
    },
  },
  '/api/state': {
    about: 'policy, weights and sidecars as JSON',
    confidential: true,
    answer: (sources) => json(200, sources.view()),
  },
  '/api/explain': {
    about: 'why weights are what they are as JSON (?service=NAME&pool=NAME&endpoint=ADDRESS:PORT; without: all)',
    confidential: true,
    answer: explanations,
  },
  '/api/events': {
    about: 'what happened lately as JSON (?after=SEQUENCE&limit=N)',
    confidential: true,
    answer: events,
  },
  '/': {
    about: 'this list',
    answer: (sources, _query, scope) => text(200, `Loadline\n\n${pathList(sources, scope)}`),
  },
};

/** Answers GET and HEAD of a known path, and refuses everything else in words. */
export async function answer(
  method: string,
  url: string,
  sources: HttpSources,
  scope: HttpScope = 'All',
): Promise<HttpAnswer> {
  const at = url.indexOf('?');
  const path = at < 0 ? url : url.slice(0, at);
  const route = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
  if (route === undefined) return text(404, `There is no such path here. There are:\n\n${pathList(sources, scope)}`);
  if (route.confidential === true && scope === 'Monitoring') return forLoopback(path, 'loadline status');
  if (method !== 'GET' && method !== 'HEAD') {
    return text(405, `${path} is read-only: GET and HEAD are allowed.\n`, { allow: 'GET, HEAD' });
  }
  return await route.answer(sources, new URLSearchParams(at < 0 ? '' : url.slice(at + 1)), scope);
}

function explanations(sources: HttpSources, query: URLSearchParams): HttpAnswer {
  const [service, pool, endpoint] = ['service', 'pool', 'endpoint'].map((key) => query.get(key));
  if (service == null) {
    const results = sources.view().services.map(({ name }) => sources.explain({ service: name }));
    return json(200, { services: results.flatMap((one) => (one.ok ? [one.value] : [])) });
  }
  const result = sources.explain({
    service,
    ...(pool == null ? {} : { pool }),
    ...(endpoint == null ? {} : { endpoint }),
  });
  if (result.ok) return json(200, { services: [result.value] });
  return text(404, `${result.issues.map(({ message }) => message).join('; ')}\n`);
}

function events(sources: HttpSources, query: URLSearchParams): HttpAnswer {
  const after = wholeNumber(query.get('after'));
  const limit = wholeNumber(query.get('limit'));
  if (after === null || limit === null) return text(400, 'after and limit are whole numbers, 0 or above.\n');
  return json(200, {
    events: sources.events.list({
      limit: Math.min(limit ?? MAX_EVENTS, MAX_EVENTS),
      ...(after === undefined ? {} : { after }),
    }),
  });
}

/** undefined when absent, null when it is no whole number. */
function wholeNumber(value: string | null): number | undefined | null {
  if (value === null) return undefined;
  return /^\d{1,15}$/.test(value) ? Number(value) : null;
}

function pathList({ notices }: HttpSources, scope: HttpScope): string {
  const paths = Object.entries(ROUTES).filter(([, { confidential }]) => scope === 'All' || confidential !== true);
  const hook = notices === undefined || scope !== 'All' ? [] : [[NOTICE_PATH, { about: NOTICE_ABOUT }] as const];
  return [...paths, ...hook].map(([path, { about }]) => `${path.padEnd(12)} ${about}\n`).join('');
}
