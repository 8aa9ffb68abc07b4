import type { Page, PageFetcher, PageRequest } from './page-fetcher.ts';

/** Who asks while the same question is under way gets its answer too. Nothing is kept beyond the answer. */
export class SingleFlight<Answer> {
  readonly #underWay = new Map<string, Promise<Answer>>();

  do(question: string, ask: () => Promise<Answer>): Promise<Answer> {
    const running = this.#underWay.get(question);
    if (running !== undefined) return running;
    const answer = ask().finally(() => this.#underWay.delete(question));
    this.#underWay.set(question, answer);
    return answer;
  }
}

/**
 * One request for all targets that read the same page in the same try. They share the signal of the try: that of the first
 * is as good as any.
 */
export class SharedFetcher implements PageFetcher {
  readonly #fetcher: PageFetcher;
  readonly #flight = new SingleFlight<Page>();

  constructor(fetcher: PageFetcher) {
    this.#fetcher = fetcher;
  }

  get(request: PageRequest, signal: AbortSignal): Promise<Page> {
    return this.#flight.do(JSON.stringify(request), () => this.#fetcher.get(request, signal));
  }
}
