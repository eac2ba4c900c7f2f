// What the page does better with scripts: it looks by itself whether something is new, and shows what is stored, live. All text is
// put in as text; nothing here makes markup of what it was told.
'use strict';

(() => {
  const REFRESH_MS = 5000;
  const TAIL_MAX = 200;
  const show = (element) => { if (element) element.closest('[hidden]')?.removeAttribute('hidden'); };

  // What is shown of the state is asked for again and again, and put in the place of what is there if it differs.
  const region = document.querySelector('[data-live]');
  if (region) {
    const toggle = document.getElementById('live');
    const announce = document.getElementById('announce');
    let isOn = true;
    let isLost = false;
    const say = (text) => { if (announce) announce.textContent = text; };
    const states = (root) => new Map([...root.querySelectorAll('[data-state]')].map((one) => [one.dataset.name, one.dataset.state]));
    const refresh = async () => {
      const chosen = getSelection();
      // Whoever is copying something keeps it.
      if (!isOn || document.hidden || (!chosen.isCollapsed && region.contains(chosen.anchorNode))) return;
      try {
        const answer = await fetch(location.href, { headers: { 'X-Refresh': '1' }, redirect: 'manual', cache: 'no-store' });
        // The session is over.
        if (answer.type === 'opaqueredirect') { location.reload(); return; }
        if (!answer.ok) throw new Error(String(answer.status));
        const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById(region.id);
        if (!fresh) throw new Error('another page');
        if (isLost) { isLost = false; toggle.textContent = 'Updates itself'; say('bugrelay answers again'); }
        if (fresh.isEqualNode(region)) return;
        const before = states(region);
        const told = [...states(fresh)].filter(([name, state]) => before.has(name) && before.get(name) !== state);
        const focused = region.contains(document.activeElement) ? document.activeElement.id : '';
        region.replaceChildren(...fresh.childNodes);
        if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
        if (told.length) say(told.map(([name, state]) => `${name}: ${state}`).join(', '));
      } catch (error) {
        if (!isLost) { isLost = true; toggle.textContent = 'No answer'; say('bugrelay does not answer'); }
      }
    };
    toggle.addEventListener('click', () => {
      isOn = !isOn;
      toggle.setAttribute('aria-pressed', String(isOn));
      refresh();
    });
    document.addEventListener('visibilitychange', refresh);
    setInterval(refresh, REFRESH_MS);
    show(toggle);
  }

  // The stream, read by hand: an event may have any name.
  const list = document.getElementById('tail');
  if (list) {
    const state = document.getElementById('tail-state');
    const hold = document.getElementById('hold');
    let isHeld = false;
    let held = 0;
    const element = (name, text, className) => {
      const made = document.createElement(name);
      if (text !== undefined) made.textContent = text;
      if (className) made.className = className;
      return made;
    };
    const words = (message) => {
      const { event = {} } = message;
      const object = message[event.target];
      if (!event.routing_key) return 'dropped by a script';
      if (!object) return 'private: its event alone';
      if (event.changes?.length) return event.changes.map((c) => `${c.field}: ${c.removed || '–'} → ${c.added || '–'}`).join('; ');
      return String(object.summary ?? object.body ?? object.description ?? '');
    };
    const add = ({ id, event, data }) => {
      if (isHeld) { held += 1; hold.textContent = `Go on (${held} passed)`; return; }
      let message = {};
      try { message = JSON.parse(data); } catch (error) { /* shown as it is */ }
      const item = element('li');
      item.append(element('span', new Date().toISOString().slice(11, 19), 'soft'), element('strong', event));
      const what = element('span', undefined, 'what');
      const bug = message.event?.bug_id;
      if (Number.isInteger(bug)) {
        const link = element('a', `bug ${bug}`);
        link.href = `/bugs/${bug}`;
        what.append(link, ' ');
      }
      const text = words(message);
      what.append(text.length > 200 ? `${text.slice(0, 200)}…` : text);
      const details = element('details');
      details.append(element('summary', `sequence ${id}`), element('pre', JSON.stringify(message, null, 2)));
      item.append(what, details);
      list.prepend(item);
      while (list.children.length > TAIL_MAX) list.lastElementChild.remove();
    };
    const take = (block) => {
      const event = {};
      for (const line of block.split('\n')) {
        if (line.startsWith(': missed ')) state.textContent = `${line.slice(9)} messages were too fast for this listener`;
        const at = line.indexOf(':');
        if (at > 0) event[line.slice(0, at)] = line.slice(at + 1).trim();
      }
      if (event.data) add(event);
    };
    const listen = async () => {
      for (;;) {
        try {
          const answer = await fetch('/tail/events', { redirect: 'error', cache: 'no-store' });
          if (!answer.ok) throw new Error(await answer.text());
          state.textContent = 'Listening.';
          const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
          for (let text = ''; ;) {
            const { done, value } = await reader.read();
            if (done) break;
            text += value;
            for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) take(text.slice(0, end));
          }
          state.textContent = 'The stream ended; it is asked for again.';
        } catch (error) {
          state.textContent = `Not listening: ${error.message}. It is tried again.`;
        }
        await new Promise((resolve) => { setTimeout(resolve, REFRESH_MS); });
      }
    };
    hold.addEventListener('click', () => {
      [isHeld, held] = [!isHeld, 0];
      hold.setAttribute('aria-pressed', String(isHeld));
      hold.textContent = isHeld ? 'Go on' : 'Hold';
    });
    document.getElementById('clear').addEventListener('click', () => list.replaceChildren());
    show(hold);
    listen();
  }
})();
