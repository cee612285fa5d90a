using System.Text;

namespace LatentSync.Evaluation.Demo;

/// <summary>Input and output side by side in one player: both run together, the speech is the output's, and the moment shows in the
/// plot.</summary>
/// <remarks>Without scripts each video keeps controls of its own. "report.html#t=1.2" opens the page at that moment.</remarks>
internal static class DemoPlayer
{
    /// <summary>The two videos and their controls.</summary>
    /// <param name="page">Appended to.</param>
    /// <param name="input">Address of the input: a name or data.</param>
    /// <param name="output">Address of the output.</param>
    /// <param name="outputCaption">What is seen in the output.</param>
    /// <param name="secondsPerFrame">Step of the single-frame buttons.</param>
    public static void Append(StringBuilder page, string input, string output, string outputCaption, double secondsPerFrame)
    {
        page.Append("<div class=\"videos\">\n");
        Video(page, "input-video", input, "Input", "a drawn head with a sentence of its own", " muted=\"muted\"");
        Video(page, "output-video", output, "Output", outputCaption, "");
        page.Append(
            $"""
            </div>
            <div class="player" id="player" hidden="hidden" data-step="{PageText.Number(secondsPerFrame, "0.####")}">
            <button type="button" class="play" id="play" aria-label="Play or pause"><span></span></button>
            <button type="button" class="step" id="back" aria-label="One frame back"><span></span></button>
            <button type="button" class="step forth" id="forth" aria-label="One frame on"><span></span></button>
            <input type="range" id="seek" min="0" max="1000" value="0" aria-label="Position"/>
            <output id="clock">0.00 s</output>
            <button type="button" class="text" id="sound">sound: output</button>
            <button type="button" class="text" id="speed">speed: 1</button>
            </div>

            """
        );
    }

    /// <summary>The script, which goes behind the plot. It has neither "less" signs nor ampersands, so that the page stays XML.</summary>
    public const string Script = """
        <script>
        (function () {
          var byId = function (id) { return document.getElementById(id); };
          var input = byId('input-video'), output = byId('output-video'), both = [input, output];
          var play = byId('play'), seek = byId('seek'), clock = byId('clock'), plot = byId('plot'), head = byId('playhead');
          var step = Number(byId('player').dataset.step), left = Number(plot.dataset.left), width = Number(plot.dataset.width), seconds = Number(plot.dataset.seconds);
          var slow = false, ownSound = false;
          both.forEach(function (video) { video.removeAttribute('controls'); video.loop = false; });
          byId('player').hidden = false;

          function show() {
            var t = output.currentTime, all = output.duration || seconds;
            seek.value = String(Math.round(1000 * t / all));
            clock.textContent = t.toFixed(2) + ' s';
            head.setAttribute('transform', 'translate(' + (left + Math.min(t / seconds, 1) * width).toFixed(1) + ' 0)');
          }
          function go(t) {
            t = Math.max(0, Math.min(t, (output.duration || seconds) - 0.001));
            both.forEach(function (video) { video.currentTime = t; });
            show();
          }
          function start() { both.forEach(function (video) { video.play(); }); }
          function stop() { both.forEach(function (video) { video.pause(); }); go(output.currentTime); }
          function tick() {
            if (output.paused) { return; }
            var drift = Math.abs(input.currentTime - output.currentTime);
            if (!input.seeking) { if (drift > 0.05) { input.currentTime = output.currentTime; } }
            show();
            requestAnimationFrame(tick);
          }
          output.addEventListener('play', function () { play.classList.add('on'); requestAnimationFrame(tick); });
          output.addEventListener('pause', function () { play.classList.remove('on'); });
          output.addEventListener('ended', function () { go(0); start(); });
          output.addEventListener('seeked', show);
          output.addEventListener('loadedmetadata', show);
          play.addEventListener('click', function () { if (output.paused) { start(); } else { stop(); } });
          both.forEach(function (video) { video.addEventListener('click', function () { play.click(); }); });
          byId('back').addEventListener('click', function () { stop(); go(output.currentTime - step); });
          byId('forth').addEventListener('click', function () { stop(); go(output.currentTime + step); });
          seek.addEventListener('input', function () { go(seek.value / 1000 * (output.duration || seconds)); });
          byId('sound').addEventListener('click', function () {
            ownSound = !ownSound;
            input.muted = !ownSound;
            output.muted = ownSound;
            byId('sound').textContent = ownSound ? 'sound: input' : 'sound: output';
          });
          byId('speed').addEventListener('click', function () {
            slow = !slow;
            both.forEach(function (video) { video.playbackRate = slow ? 0.25 : 1; });
            byId('speed').textContent = slow ? 'speed: 1/4' : 'speed: 1';
          });
          plot.addEventListener('click', function (event) {
            var box = plot.getBoundingClientRect();
            go(((event.clientX - box.left) / box.width * plot.viewBox.baseVal.width - left) / width * seconds);
          });
          var moment = /^#t=([0-9.]+)$/.exec(location.hash);
          if (moment) {
            var jump = function () { go(Number(moment[1])); };
            if (output.readyState > 0) { jump(); } else { output.addEventListener('loadedmetadata', jump); }
          }
        })();
        </script>

        """;

    private static void Video(StringBuilder page, string id, string source, string title, string caption, string more)
    {
        page.Append($"<figure><figcaption><b>{PageText.Encode(title)}</b> {PageText.Encode(caption)}</figcaption>");
        page.Append(
            $"<video id=\"{id}\" controls=\"controls\" loop=\"loop\" playsinline=\"playsinline\" preload=\"auto\"{more} src=\"{PageText.Encode(source)}\"></video></figure>\n"
        );
    }
}
