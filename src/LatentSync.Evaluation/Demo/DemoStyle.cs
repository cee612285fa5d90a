namespace LatentSync.Evaluation.Demo;

/// <summary>The look of the demo's page.</summary>
internal static class DemoStyle
{
    public const string Css = """

        :root { color-scheme: light dark; --back: #f4f5f7; --card: #fff; --ink: #1b2026; --soft: #5b6570; --line: #e1e5ea; --warn: #fff3d6; --warn-line: #e0a526;
          --implied: #2563c9; --area: rgba(37, 99, 201, 0.10); --output: #d6344e; --input: #b9c1ca; --good: #1a7f4b; --bad: #b45309; }
        @media (prefers-color-scheme: dark) { :root { --back: #111418; --card: #1a1e24; --ink: #e8ebef; --soft: #98a3af; --line: #2c333b; --warn: #3a2f14; --warn-line: #c08d1c;
          --implied: #6ea8ff; --area: rgba(110, 168, 255, 0.14); --output: #ff7388; --input: #55606c; --good: #4cc38a; --bad: #f0a04b; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
        main { max-width: 1080px; margin: 0 auto; padding: 36px 20px 56px; }
        h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 8px; letter-spacing: -0.02em; }
        h2 { font-size: 1.15rem; margin: 0 0 8px; letter-spacing: -0.01em; }
        p { margin: 0 0 12px; } .lead, section p { color: var(--soft); } .lead { max-width: 62ch; }
        .banner { background: var(--warn); border-left: 5px solid var(--warn-line); border-radius: 6px; padding: 14px 18px; }
        .banner strong { display: block; font-size: 1.08rem; }
        .facts { list-style: none; display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; padding: 0; margin: 18px 0; }
        .facts li { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 12px 16px; color: var(--soft); font-size: 0.86rem; line-height: 1.35; }
        .facts b { display: block; color: var(--ink); font-size: 1.5rem; line-height: 1.3; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
        section { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 20px 22px; margin: 0 0 18px; }
        section > h2:not(:first-child) { margin-top: 22px; }
        .videos { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(280px, 100%), 1fr)); gap: 20px; align-items: end; }
        figure { margin: 0; } video { width: 100%; aspect-ratio: 1; border-radius: 10px; background: #000; display: block; cursor: pointer; }
        figcaption { margin-bottom: 8px; color: var(--soft); font-size: 0.92rem; } figcaption b { color: var(--ink); font-size: 1.05rem; margin-right: 6px; }
        .player { display: flex; flex-wrap: wrap; align-items: center; gap: 10px; margin-top: 14px; } .player[hidden] { display: none; }
        .player button { border: 1px solid var(--line); background: var(--back); color: var(--ink); border-radius: 999px; height: 40px; font: inherit; font-size: 0.86rem; cursor: pointer; }
        .player button:hover { border-color: var(--soft); } .player .text { padding: 0 14px; min-width: 118px; }
        .player .play, .player .step { width: 40px; display: grid; place-items: center; padding: 0; }
        .player .play { background: var(--implied); border-color: var(--implied); width: 48px; }
        .play span { width: 14px; height: 16px; background: #fff; clip-path: polygon(8% 0, 100% 50%, 8% 100%); }
        .play.on span { clip-path: none; background: linear-gradient(90deg, #fff 34%, transparent 34% 66%, #fff 66%); }
        .step span { width: 12px; height: 12px; background: var(--ink); clip-path: polygon(0 0, 22% 0, 22% 50%, 100% 0, 100% 100%, 22% 50%, 22% 100%, 0 100%); } .forth span { transform: scaleX(-1); }
        .player input { flex: 1 1 160px; accent-color: var(--implied); } .player output { color: var(--soft); font-variant-numeric: tabular-nums; font-size: 0.92rem; min-width: 52px; text-align: right; }
        .sheet { display: flex; gap: 10px; } .sheet ul { list-style: none; margin: 0; padding: 0; display: grid; grid-auto-rows: 1fr; height: 330px; color: var(--soft); font-size: 0.86rem; }
        .sheet li { display: flex; align-items: center; } .scroll { overflow-x: auto; min-width: 0; } .scroll img { display: block; border-radius: 8px; height: 330px; }
        svg { width: 100%; height: auto; display: block; cursor: crosshair; }
        polyline { fill: none; stroke-width: 2.4; stroke-linejoin: round; stroke-linecap: round; }
        polygon.implied { fill: var(--area); } polyline.implied { stroke: var(--implied); } polyline.output { stroke: var(--output); } polyline.input { stroke: var(--input); stroke-width: 1.6; }
        .grid { stroke: var(--line); stroke-width: 1; } .axis { stroke: var(--soft); stroke-width: 1; } .tick { fill: var(--soft); font-size: 13px; } .playhead { stroke: var(--ink); stroke-width: 1.4; opacity: 0.6; }
        .legend { display: flex; flex-wrap: wrap; gap: 4px 22px; font-size: 0.9rem; }
        .legend span::before { content: ""; display: inline-block; width: 22px; border-top: 3px solid; border-radius: 2px; margin-right: 8px; vertical-align: middle; }
        .legend .implied::before { border-color: var(--implied); } .legend .output::before { border-color: var(--output); } .legend .input::before { border-color: var(--input); }
        .tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); gap: 8px 36px; align-items: start; }
        table { border-collapse: collapse; width: 100%; font-size: 0.92rem; margin-bottom: 12px; } caption { text-align: left; font-weight: 600; padding: 6px 0; }
        th, td { text-align: left; vertical-align: top; padding: 6px 0; border-top: 1px solid var(--line); font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
        th { font-weight: 400; color: var(--soft); padding-right: 16px; width: 38%; }
        .time i { display: inline-block; height: 8px; min-width: 2px; border-radius: 4px; background: var(--implied); opacity: 0.55; margin-right: 8px; }
        .quality th { color: var(--ink); width: auto; } .quality small { display: block; color: var(--soft); font-size: 0.86em; }
        .quality tr:first-child th, .quality tr:first-child td { border-top: 0; } .quality td { white-space: nowrap; vertical-align: middle; }
        .quality .value { font-size: 1.15rem; font-weight: 600; text-align: right; padding-right: 24px; } .quality .met, .quality .missed, .quality .control { color: var(--soft); font-size: 0.88rem; width: 210px; }
        .quality td span { display: inline-block; min-width: 62px; text-align: center; border-radius: 999px; border: 1px solid; font-size: 0.78rem; margin-right: 8px; padding: 0 8px; }
        .met span { color: var(--good); } .missed span { color: var(--bad); }
        @media (max-width: 560px) { .tick { font-size: 21px; } .title { display: none; } .player .text { min-width: 0; } .quality .met, .quality .missed, .quality .control { width: auto; white-space: normal; } .quality td span { display: table; } .quality small { display: none; } .quality .value { padding-right: 14px; } }

        """;
}
