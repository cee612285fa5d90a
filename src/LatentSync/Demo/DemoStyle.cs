namespace LatentSync.Demo;

/// <summary>The look of the demo's page.</summary>
internal static class DemoStyle
{
    public const string Css = """

        :root { color-scheme: light dark; --back: #f6f7f9; --card: #fff; --ink: #1c2127; --soft: #5c6672; --line: #dde2e8; --warn: #fff3d6; --warn-line: #e0a526;
          --implied: #1f6feb; --output: #d1495b; --input: #98a2ae; }
        @media (prefers-color-scheme: dark) { :root { --back: #14171b; --card: #1d2127; --ink: #e7eaee; --soft: #9aa5b1; --line: #323841; --warn: #3a2f14; --warn-line: #c08d1c;
          --implied: #6ea8ff; --output: #ff8091; --input: #6d7783; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
        main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 48px; }
        h1 { font-size: 1.9rem; margin: 0 0 12px; letter-spacing: -0.01em; }
        h2 { font-size: 1.15rem; margin: 0 0 6px; }
        p { margin: 0 0 12px; } .lead, section p { color: var(--soft); }
        .banner { background: var(--warn); border-left: 5px solid var(--warn-line); border-radius: 6px; padding: 14px 18px; }
        .banner strong { display: block; font-size: 1.08rem; }
        .facts { list-style: none; display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; padding: 0; margin: 16px 0; }
        .facts li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; color: var(--soft); font-size: 0.88rem; }
        .facts b { display: block; color: var(--ink); font-size: 1.45rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
        section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px; margin: 0 0 18px; }
        .videos { display: grid; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); gap: 20px; }
        figure { margin: 0; } video { width: 100%; border-radius: 8px; background: #000; display: block; }
        figcaption { margin-top: 8px; color: var(--soft); font-size: 0.92rem; } figcaption b { color: var(--ink); }
        .scroll { overflow-x: auto; } .scroll img { display: block; border-radius: 8px; max-height: 330px; }
        svg { width: 100%; height: auto; display: block; }
        polyline { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
        polyline.implied { stroke: var(--implied); } polyline.output { stroke: var(--output); } polyline.input { stroke: var(--input); stroke-dasharray: 5 5; stroke-width: 1.6; }
        .grid { stroke: var(--line); stroke-width: 1; } .tick { fill: var(--soft); font-size: 13px; }
        .legend { display: flex; flex-wrap: wrap; gap: 6px 22px; font-size: 0.92rem; }
        .legend span::before { content: ""; display: inline-block; width: 22px; border-top: 3px solid; margin-right: 8px; vertical-align: middle; }
        .legend .implied::before { border-color: var(--implied); } .legend .output::before { border-color: var(--output); } .legend .input::before { border-color: var(--input); border-top-style: dashed; }
        .tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 8px 36px; align-items: start; }
        table { border-collapse: collapse; width: 100%; font-size: 0.92rem; margin-bottom: 12px; } caption { text-align: left; font-weight: 600; padding: 6px 0; }
        th, td { text-align: left; vertical-align: top; padding: 5px 0; border-top: 1px solid var(--line); font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
        th { font-weight: 400; color: var(--soft); padding-right: 16px; width: 38%; }

        """;
}
