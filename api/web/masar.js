/*
 * Masar's tracker for websites. How to put it on a page: docs/embedding.
 *
 * Every call is masar('name', …). What is called before this file has loaded waits in masar.q.
 * Each thing a visitor does becomes one item with an id of its own; the Meta pixel gets the same id, so that the
 * browser's copy and the server's are counted once. Items wait in localStorage until the server has taken them;
 * sent twice, they count once. Nothing leaves the page, and nothing is stored, before there is consent.
 */
(function (window, document) {
  'use strict';

  const VERSION = '1';
  const MOST_KEPT = 200;              // items waiting for a connection; the oldest make room
  const MOST_SENT = 25;               // items in one request
  const LARGEST = 60000;              // characters of one request; sendBeacon takes 64 kB
  const OLDEST = 7 * 864e5;           // ms; Meta takes nothing older
  const CLICK_LASTS = 90 * 864e5;     // ms; as long as Meta's own cookie for a click
  const MOST_TRIES = 10;              // in a row; then the next page tries again
  const STANDARD = /^(PageView|ViewContent|Search|AddTo(Cart|Wishlist)|Contact|Lead|Schedule|Purchase|Subscribe|StartTrial|FindLocation|InitiateCheckout|CompleteRegistration|AddPaymentInfo|SubmitApplication)$/;

  // What the pixel is told of each thing; `events` of init changes it, null says nothing.
  const PIXEL = {
    view: 'ViewContent', 'page.search': 'Search', save: 'AddToWishlist',
    'tour.start': 'TourStarted', 'tour.complete': 'TourCompleted', 'chat.start': 'Contact',
  };
  const KINDS = {
    page: 'web.page_viewed.v1', view: 'properties.viewed.v1', save: 'properties.saved.v1',
    'tour.start': 'tours.started.v1',
    'tour.room': 'tours.room_visited.v1', 'tour.action': 'tours.acted.v1', 'tour.complete': 'tours.completed.v1',
    'chat.start': 'conversations.started.v1', 'chat.message': 'conversations.event_tracked.v1',
  };

  const script = document.currentScript;
  const known = {};                   // what identify() told, in memory only
  let own = null;                     // options of init
  let consent = 'pending';            // 'granted', 'denied' or 'pending'
  let answered;                       // what the visitor said before init
  let held = [];                      // items waiting for consent
  let memory = [];                    // the queue where there is no localStorage
  let memoryId = null;                // the visitor where there are no cookies either
  let tour = null, room = null, chat = null, left = null;
  let sending = false, tries = 0, timer = null;

  // Small tools.

  // Whatever goes wrong here is not the page's trouble.
  const safe = act => (...given) => { try { act(...given); } catch (ours) { log(ours); } };
  const now = () => new Date();
  const log = (...words) => { if (own && own.debug) window.console.warn('masar:', ...words); };

  function uuid() {
    const bytes = window.crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = bytes[6] & 15 | 64;
    bytes[8] = bytes[8] & 63 | 128;
    return Array.from(bytes, (b, n) => ([4, 6, 8, 10].includes(n) ? '-' : '') + (b + 256).toString(16).slice(1)).join('');
  }

  // An object without what is empty; undefined where nothing is left.
  function full(fields) {
    const kept = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== '');
    return kept.length ? Object.fromEntries(kept) : undefined;
  }

  function stored(name, value) {
    try {
      if (value === undefined) return JSON.parse(window.localStorage.getItem(name));
      if (value === null) window.localStorage.removeItem(name);
      else window.localStorage.setItem(name, JSON.stringify(value));
      return true;
    } catch (lost) { return null; }
  }

  function cookie(name) {
    const found = ('; ' + document.cookie).split('; ' + name + '=')[1];
    return found && found.split(';')[0];
  }

  function setCookie(name, value, days) {
    const domain = own.cookieDomain ? ';domain=' + own.cookieDomain : '';
    const secure = window.location.protocol === 'https:' ? ';secure' : '';
    document.cookie = name + '=' + value + ';path=/;max-age=' + days * 86400 + ';samesite=lax' + domain + secure;
  }

  // Who it is.

  function visitor() {
    const id = cookie('_masar') || stored('_masar_id') || memoryId || uuid();
    setCookie('_masar', id, 390);
    stored('_masar_id', id);
    return memoryId = id;
  }

  // The first sight of a click id counts, with its time: a page opened again by the same link is no new click.
  function clicks() {
    const before = stored('_masar_click') || {};
    const fresh = (arrival.fbclid || arrival.ctwa_clid) &&
      (arrival.fbclid !== before.fbclid || arrival.ctwa_clid !== before.ctwa_clid);
    const click = fresh ? {fbclid: arrival.fbclid, ctwa_clid: arrival.ctwa_clid, at: arrival.at} : before;
    if (fresh) stored('_masar_click', click);
    return click.at && now() - click.at < CLICK_LASTS ? click : {};
  }

  function person() {
    const click = clicks();
    return full(Object.assign({}, known, {
      visitor_id: visitor(), fbp: cookie('_fbp'), fbc: cookie('_fbc'), fbclid: click.fbclid,
      ctwa_clid: click.ctwa_clid, referrer_url: document.referrer.slice(0, 2000),
    }));
  }

  // Click ids and campaign words of the address that this page was opened with: a router may take them off.
  const arrival = (() => {
    const words = new URLSearchParams(window.location.search);
    const click = name => (words.get(name) || '').length <= 500 && words.get(name) || undefined;
    const utm = {};
    ['source', 'medium', 'campaign', 'content', 'term'].forEach(name => {
      utm[name] = (words.get('utm_' + name) || '').slice(0, 200);
    });
    return {at: now().getTime(), fbclid: click('fbclid'), ctwa_clid: click('ctwa_clid'), utm: full(utm)};
  })();

  // What happened.

  function itemOf(what, payload, extra) {
    if (payload.property_id != null) payload.property_id = String(payload.property_id);
    return {
      id: extra.id || uuid(), kind: KINDS[what], occurred_at: now().toISOString(), payload: full(payload) || {},
      page_url: window.location.href.split('#')[0].slice(0, 2000), listing: full(extra.listing || {}),
      utm: arrival.utm, test: own.test || undefined, origin: what.startsWith('chat') ? 'chat' : undefined,
    };
  }

  function happened(what, payload, more) {
    if (!own || consent === 'denied') return;
    const extra = more || {}, item = itemOf(what, payload, extra);
    const told = {item, pixel: extra.pixel === undefined ? own.events[extra.as || what] : extra.pixel};
    if (consent === 'granted') release(told);
    else held = held.concat(told).slice(-MOST_KEPT);
  }

  function release({item, pixel}) {
    if (pixel && own.pixel && typeof window.fbq === 'function') {
      item.browser_event = {id: item.id, name: pixel};
      try {
        const about = item.payload.property_id;
        const data = about ? {content_ids: [about], content_type: 'home_listing'} : {};
        window.fbq(STANDARD.test(pixel) ? 'track' : 'trackCustom', pixel, data, {eventID: item.id});
      } catch (theirs) { log('fbq', theirs); }
    }
    item.person = person();
    if (JSON.stringify(item).length > LARGEST / 3) return log('too large', item);
    keep(waiting().concat(item));
    soon(0);
  }

  // The queue.

  function waiting() {
    const kept = stored('_masar_queue');
    return (Array.isArray(kept) ? kept : memory).filter(item => now() - new Date(item.occurred_at) < OLDEST);
  }

  function keep(items) {
    if (consent !== 'granted') return;
    const last = items.slice(-MOST_KEPT);
    memory = stored('_masar_queue', last) ? [] : last;
  }

  function done(items) {
    const ids = new Set(items.map(item => item.id));
    keep(waiting().filter(item => !ids.has(item.id)));
  }

  function batch() {
    const items = waiting().slice(0, MOST_SENT);
    let body;
    do body = JSON.stringify({touchpoints: items});
    while (body.length > LARGEST / (/[^\x00-\x7f]/.test(body) ? 3 : 1) && items.length > 1 && items.pop());
    return {items, body};
  }

  const address = () => own.endpoint + '/api/touchpoints?key=' + encodeURIComponent(own.key);

  function soon(wait) {
    clearTimeout(timer);
    timer = setTimeout(safe(send), wait);
  }

  function later(seconds) {
    if (++tries <= MOST_TRIES) soon(1000 * Math.max(seconds || 0, Math.min(60, 2 ** tries) * (0.5 + Math.random() / 2)));
  }

  function send() {
    if (sending || !own || consent !== 'granted') return;
    const {items, body} = batch();
    if (!items.length) return;
    sending = true;
    window.fetch(address(), {method: 'POST', body, mode: 'cors', credentials: 'omit', keepalive: true}).then(answer => {
      sending = false;
      if (answer.status === 429 || answer.status >= 500) return later(Number(answer.headers.get('retry-after')));
      if (answer.status === 401 || answer.status === 403) return log('the key is refused', answer.status);
      tries = 0;
      done(items);
      if (own.debug) answer.json().then(verdicts => log(verdicts), () => 0);
      soon(0);
    }).catch(() => {
      sending = false;
      later();
    });
  }

  // On leaving: a beacon outlives the page. What it took stays queued until an answer; sent twice, it counts once.
  function leave() {
    left = room && room.name;
    leaveRoom();
    flush();
  }

  function flush() {
    if (!own || consent !== 'granted') return;
    const {items, body} = batch();
    if (items.length && !(window.navigator.sendBeacon && window.navigator.sendBeacon(address(), body))) send();
  }

  // Tours.

  const inTour = fields => Object.assign({session_id: tour.session_id, property_id: tour.property_id}, fields);

  // The clock of a room stands still while the page is hidden.
  function walked() {
    const at = now();
    return inTour({
      room: room.name, entered_at: room.since.toISOString(), left_at: at.toISOString(),
      dwell_s: Math.min(86400, (room.seen + (room.from ? at - room.from : 0)) / 1000),
    });
  }

  function leaveRoom() {
    if (!room) return;
    const told = walked(), id = room.id;
    room = null;
    stored('_masar_room', null);
    happened('tour.room', told, {id});
  }

  // A phone may end a hidden page without a word: what was seen until then is kept aside for the next page.
  function hide() {
    if (room && room.from) {
      room.seen += now() - room.from;
      room.from = null;
      if (consent === 'granted') {
        const cut = itemOf('tour.room', walked(), room);
        cut.person = person();
        stored('_masar_room', cut);
      }
    }
    flush();
  }

  function look() {
    if (!room || room.from) return;
    room.from = now();
    stored('_masar_room', null);
  }

  const COMMANDS = {
    init(options) {
      if (own) return;
      const from = script && script.src ? new URL(script.src).origin : '';
      own = Object.assign({pixel: true, signals: true, endpoint: from, consent: 'granted'}, options);
      own.endpoint = String(own.endpoint).replace(/\/$/, '');
      own.events = Object.assign({}, PIXEL, own.events);
      COMMANDS.consent(answered === undefined ? own.consent : answered);
    },
    consent(said) {
      answered = said;
      if (!own) return;
      const against = own.signals && (window.navigator.globalPrivacyControl || window.navigator.doNotTrack === '1');
      consent = against || said === false || said === 'denied' ? 'denied'
        : said === true || said === 'granted' ? 'granted' : 'pending';
      if (consent === 'granted') {
        const cut = stored('_masar_room');  // a room of a page that was ended
        if (cut && !room) {
          stored('_masar_room', null);
          keep(waiting().concat(cut));
        }
        held.splice(0).forEach(release);
        soon(0);
      } else if (consent === 'denied') {
        held = [];
        memory = [];
        memoryId = null;
        ['_masar_queue', '_masar_id', '_masar_click', '_masar_room'].forEach(name => stored(name, null));
        if (cookie('_masar')) setCookie('_masar', '', 0);
      }
    },
    identify(fields) { Object.assign(known, fields); },
    page(page, about) {
      const {property_id, listing, pixel} = about || {};
      happened('page', {page: page || 'other', property_id}, {listing, pixel, as: 'page.' + page});
    },
    view(property_id, listing, about) {
      const {viewed_from, pixel} = about || {};
      happened('view', {property_id, viewed_from}, {listing, pixel});
    },
    save(property_id, listing, about) {
      const {saved_from, pixel} = about || {};
      happened('save', {property_id, saved_from}, {listing, pixel});
    },
    'tour.start'(about) {
      const {property_id, session_id, tour_kind, rooms_available, listing, pixel} = about;
      if (tour) leaveRoom();
      tour = {property_id, session_id: session_id || uuid(), started: now()};
      happened('tour.start', inTour({tour_kind, rooms_available}), {listing, pixel});
    },
    'tour.room'(name) {
      leaveRoom();
      if (tour) room = {id: uuid(), name, since: now(), from: now(), seen: 0};
    },
    'tour.action'(action) {
      if (tour) happened('tour.action', inTour({action, room: room ? room.name : undefined}));
    },
    'tour.complete'(about) {
      if (!tour) return;
      leaveRoom();
      const finished = about ? about.finished : undefined;
      happened('tour.complete', inTour({
        started_at: tour.started.toISOString(), ended_at: now().toISOString(), finished,
      }));
      tour = null;
    },
    'chat.start'(about) {
      const {session_id, property_id} = about || {};
      chat = {session_id: session_id || uuid(), property_id, conversation_kind: 'web_chat'};
      happened('chat.start', Object.assign({}, chat));
    },
    'chat.message'(text) {
      if (chat) happened('chat.message', Object.assign({event: 'customer_turn', text}, chat));
    },
    flush,
  };

  const masar = safe((name, ...rest) => COMMANDS[name](...rest));
  masar.version = VERSION;

  const waitingCalls = window.masar && window.masar.q || [];
  window.masar = masar;
  const listen = (where, name, act) => where.addEventListener(name, safe(act));
  listen(window, 'pagehide', leave);
  listen(document, 'visibilitychange', () => document.visibilityState === 'hidden' ? hide() : look());
  listen(window, 'pageshow', () => { if (left) COMMANDS['tour.room'](left); soon(0); });
  listen(window, 'online', () => { tries = 0; soon(0); });
  waitingCalls.forEach(call => masar(...call));
})(window, document);
