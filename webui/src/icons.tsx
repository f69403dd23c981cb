// Line drawings, 20 by 20. They repeat what the words beside them say, so screen readers skip them.
import type { JSX } from 'preact';

function Icon({ children, name }: { children: JSX.Element | JSX.Element[]; name: string }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor"
      stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export const Inbound = () => <Icon name="inbound"><path d="M15 5 5.5 14.5M5.5 7.5v7h7" /></Icon>;
export const Outbound = () => <Icon name="outbound"><path d="M5 15l9.5-9.5M14.5 12.5v-7h-7" /></Icon>;
export const Internal = () => <Icon name="internal"><path d="M4 7.5h11.5M12.5 4.5l3 3-3 3M16 12.5H4.5M7.5 15.5l-3-3 3-3" /></Icon>;
export const Missed = () => <Icon name="missed"><path d="M4 6l6 6 6.5-6.5M4 10.500V6h4.500" /></Icon>;
export const Phone = () => <Icon name="phone"><path d="M4 4.500c0 6.100 5.400 11.500 11.500 11.500l.5-3-3.700-1.500-1.500 1.500c-1.600-.9-2.900-2.200-3.800-3.800l1.500-1.500L7 4z" /></Icon>;
export const PhoneDown = () => <Icon name="phone-down"><path d="M3 12.500c3.800-4.300 10.200-4.300 14 0l-1.700 2.200-3.300-1.300v-2.200c-1.300-.4-2.700-.4-4 0v2.200l-3.300 1.300z" /></Icon>;
export const Pause = () => <Icon name="pause"><path d="M7 5v10M13 5v10" /></Icon>;
export const Play = () => <Icon name="play"><path d="M7 4.500v11l8.500-5.500z" /></Icon>;
export const Mic = () => <Icon name="mic"><path d="M10 3.500a2 2 0 0 1 2 2v4a2 2 0 0 1-4 0v-4a2 2 0 0 1 2-2zM5.500 9.500a4.500 4.500 0 0 0 9 0M10 14v2.500" /></Icon>;
export const MicOff = () => <Icon name="mic-off"><path d="M10 3.500a2 2 0 0 1 2 2v4a2 2 0 0 1-4 0v-4a2 2 0 0 1 2-2zM5.500 9.500a4.500 4.500 0 0 0 9 0M10 14v2.500M3.500 3.500l13 13" /></Icon>;
export const Transfer = () => <Icon name="transfer"><path d="M4 13.500c0-4 2.500-6 6-6h6M13 4.500l3 3-3 3" /></Icon>;
export const Park = () => <Icon name="park"><path d="M4 4h12v12H4zM8.500 14V6.500h2.200a2.200 2.200 0 0 1 0 4.500H8.500" /></Icon>;
export const Keypad = () => <Icon name="keypad"><path d="M5 5h.01M10 5h.01M15 5h.01M5 10h.01M10 10h.01M15 10h.01M5 15h.01M10 15h.01M15 15h.01" /></Icon>;
export const Record = () => <Icon name="record"><circle cx="10" cy="10" r="6" /><circle cx="10" cy="10" r="2.500" /></Icon>;
export const Stop = () => <Icon name="stop"><path d="M6 6h8v8H6z" /></Icon>;
export const Search = () => <Icon name="search"><path d="M13.500 13.500 17 17" /><circle cx="9" cy="9" r="5.200" /></Icon>;
export const Again = () => <Icon name="again"><path d="M4 10a6 6 0 1 0 2-4.500L4 7.200M4 3.700v3.500h3.500" /></Icon>;
export const Pen = () => <Icon name="pen"><path d="M4 16l.8-3.200L13.300 4.300l2.400 2.400-8.500 8.500zM11.500 6.100l2.400 2.400" /></Icon>;
export const Note = () => <Icon name="note"><path d="M4.500 3.500h11v8.500l-4 4h-7zM15.500 12h-4v4M7.500 7.200h5M7.500 10.200h2.500" /></Icon>;
export const Back = () => <Icon name="back"><path d="M12 4.500 6.500 10l5.500 5.500" /></Icon>;
export const Check = () => <Icon name="check"><path d="M4.500 10.500 8.500 14.500 15.500 6" /></Icon>;
export const Alert = () => <Icon name="alert"><path d="M10 3.500 17.500 16.500h-15zM10 8.500v3.500M10 14.300v.01" /></Icon>;
export const Close = () => <Icon name="close"><path d="M5.500 5.500l9 9M14.500 5.500l-9 9" /></Icon>;
export const Chevron = () => <Icon name="chevron"><path d="M7.500 5l5 5-5 5" /></Icon>;
