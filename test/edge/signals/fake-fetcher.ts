import type { Page, PageFetcher, PageRequest } from '../../../src/edge/signals/page-fetcher.ts';

/** Answers every request after 40 ms of nobody's time. */
export class FakeFetcher implements PageFetcher {
  readonly asked: PageRequest[] = [];
  answer: (request: PageRequest) => string | Page = () => '';
  contentType = 'text/plain';

  async get(request: PageRequest): Promise<Page> {
    this.asked.push(request);
    const answer = this.answer(request);
    if (typeof answer !== 'string') return answer;
    return { ok: true, body: Buffer.from(answer), contentType: this.contentType, tookMs: 40 };
  }
}
