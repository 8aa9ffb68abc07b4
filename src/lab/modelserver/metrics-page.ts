import type { ServerResponse } from 'node:http';
import { type HostilePage, hostileAnswer } from './hostile-page.ts';

/** Serves one metrics page, honest or as the fault in force says. */
export class MetricsPage {
  readonly #contentType: string;
  readonly #render: () => string;
  readonly #hanging = new Set<ServerResponse>();
  #hostile: HostilePage | undefined;

  constructor(contentType: string, render: () => string) {
    this.#contentType = contentType;
    this.#render = render;
  }

  /** Connections that hang are reset as soon as the page does something else. */
  set hostile(kind: HostilePage | undefined) {
    this.#hostile = kind;
    if (kind === 'Hang') return;
    for (const response of this.#hanging) response.destroy();
    this.#hanging.clear();
  }

  answer(response: ServerResponse): void {
    const answer = hostileAnswer(this.#hostile, this.#render);
    switch (answer.kind) {
      case 'Text':
        response.writeHead(answer.status, {
          'content-type': this.#contentType,
          'content-length': Buffer.byteLength(answer.body),
        });
        response.end(answer.body);
        return;
      case 'Cut':
        response.writeHead(200, { 'content-type': this.#contentType });
        response.write(answer.body, () => response.destroy());
        return;
      case 'Hang':
        this.#hanging.add(response);
        response.on('close', () => this.#hanging.delete(response));
        return;
    }
  }
}
