"""Draws the table of benches/registry.rs, log over log: python3 scripts/plot_growth.py < TABLE > docs/img/registry.svg"""
import math
import sys

SERIES = {"search by picture, s": ("#1f6fb4", "search by picture, s"), "by sound, s": ("#c4451c", "search by sound, under guesses, s"),
          "by payload, ms": ("#3a8f3a", "by payload, ms"), "peak memory, MB": ("#7d5fb2", "peak memory, MB")}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 70, 250, 20, 50


def main():
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in sys.stdin if line.startswith("|") and "---" not in line]
    head, table = rows[0], [[float(cell) for cell in row] for row in rows[1:]]
    columns = {name: [row[i] for row in table] for i, name in enumerate(head)}
    sizes = columns["entries"]
    values = [v for name in SERIES for v in columns[name] if v > 0]
    across = (math.log10(min(sizes)), math.log10(max(sizes)))
    up = (math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))))
    x = lambda n: LEFT + (math.log10(n) - across[0]) / (across[1] - across[0]) * (WIDTH - LEFT - RIGHT)
    y = lambda v: HEIGHT - BOTTOM - (math.log10(v) - up[0]) / (up[1] - up[0]) * (HEIGHT - TOP - BOTTOM)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for power in range(up[0], up[1] + 1):
        out.append(f'<path d="M{LEFT} {y(10**power):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/><text x="{LEFT - 8}" y="{y(10**power) + 4:.1f}" text-anchor="end">{10**power:g}</text>')
    for n in sizes:
        out.append(f'<path d="M{x(n):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/><text x="{x(n):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{n:,.0f}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">entries</text>')
    for name, (colour, label) in SERIES.items():
        points = [(x(n), y(v)) for n, v in zip(sizes, columns[name]) if v > 0]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3.5" fill="{colour}"/>' for px, py in points]
        out.append(f'<text x="{points[-1][0] + 10:.1f}" y="{points[-1][1] + 4:.1f}" fill="{colour}">{label}</text>')
    print("\n".join([*out, "</svg>"]))


main()
